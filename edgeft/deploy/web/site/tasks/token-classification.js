// Named entities: a label for each word, and entities of words that go on with one another.
import { best, reading, score, softmax, trimmed } from "../numbers.js";

const PREFIXES = ["B-", "I-"];
const FURTHER = ["M-", "E-", "L-", "S-", "U-"]; // which are prefixes only beside those

export function decode(rows, encoded, [text], { model: { labels }, head }) {
  const characters = Array.from(text);
  const words = wordsOf(ownTokens(rows, encoded.parts), head.aggregation);
  const entities = [];
  let end = 0; // of the entity before: where one character stands in two words, the first has it
  for (const { first, last, label, mean } of groups(words, tagsOf(labels))) {
    const span = trimmed(characters, Math.max(first.start, end), last.end);
    if (span[0] >= span[1]) continue;
    [, end] = span;
    if (mean < head.min_score) continue;
    entities.push({ label, text: characters.slice(...span).join(""), start: span[0], end: span[1], score: score(mean) });
  }
  return { entities, ...reading(encoded) };
}

// Each of a text's own tokens, from the part in which it has most context on its poorer side.
function ownTokens(rows, parts) {
  const found = [];
  parts.forEach((part, number) => {
    const { data, dims } = rows[number].logits;
    const [own] = part.own;
    const size = part.own[1] - own;
    const begin = found.length - (size - part.fresh);
    for (let at = 0; at < size; at += 1) {
      const context = Math.min(at, size - 1 - at);
      if (begin + at < found.length && context <= found[begin + at].context) continue;
      const labels = dims[dims.length - 1];
      const logits = data.slice((own + at) * labels, (own + at + 1) * labels);
      const [start, end] = part.offsets[at];
      found[begin + at] = { logits, context, start, end, word: part.words[at] };
    }
  });
  return found;
}

function wordsOf(tokens, aggregation) {
  const words = [];
  let number = -1;
  for (const token of tokens) {
    if (token.word < 0) continue;
    if (words.length && token.word === number) words[words.length - 1].push(token);
    else words.push([token]);
    number = token.word;
  }
  return words.map((own) => {
    const scores = scoresOf(own, aggregation);
    const id = best(scores);
    return { start: own[0].start, end: own[own.length - 1].end, id, score: scores[id] };
  });
}

// The probabilities of a word's labels: of its first token, the mean, or of its surest token.
function scoresOf(own, aggregation) {
  if (aggregation === "first") return softmax(own[0].logits);
  const all = own.map((token) => softmax(token.logits));
  if (aggregation === "average") return all[0].map((_, at) => all.reduce((sum, one) => sum + one[at], 0) / all.length);
  return all[best(all.map((one) => Math.max(...one)))];
}

// Labels taken apart: the type of entity, and whether one always begins or ends with it.
function tagsOf(labels) {
  const tagged = labels.filter((label) => label !== "O");
  const has = (label, prefixes) => prefixes.some((prefix) => label.startsWith(prefix));
  const all = [...PREFIXES, ...FURTHER];
  const more = tagged.some((label) => has(label, PREFIXES)) && tagged.every((label) => label.length > 2 && has(label, all));
  return labels.map((label) => {
    if (label === "O") return { type: "" };
    if (label.length <= 2 || !has(label, more ? all : PREFIXES)) return { type: label };
    return { type: label.slice(2), begins: "BSU".includes(label[0]), ends: "ELSU".includes(label[0]) };
  });
}

function groups(words, tags) {
  const found = [];
  let before = null; // the word before this one, where it is of an entity
  for (const word of words) {
    const tag = tags[word.id];
    if (!tag.type) {
      before = null;
      continue;
    }
    if (before && tags[before.id].type === tag.type && !tag.begins && !tags[before.id].ends) {
      found[found.length - 1].push(word);
    } else found.push([word]);
    before = word;
  }
  return found.map((own) => ({
    first: own[0],
    last: own[own.length - 1],
    label: tags[own[0].id].type,
    mean: own.reduce((sum, word) => sum + word.score, 0) / own.length,
  }));
}
