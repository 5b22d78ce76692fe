// The piece of a context that answers a question.
import { reading, score, trimmed } from "../numbers.js";

const WEIGHED = 20; // spans, against each other and "none": those that have a part in all scores

export function decode(rows, encoded, [, context], { head }) {
  const characters = Array.from(context);
  const wanted = Math.max(WEIGHED, head.top_k);
  let none = Infinity;
  const candidates = [];
  encoded.parts.forEach((part, number) => {
    const starts = rows[number].start_logits.data;
    const ends = rows[number].end_logits.data;
    none = Math.min(none, starts[0] + ends[0]);
    candidates.push(...highest(starts, ends, part, head.max_answer_tokens, 2 * wanted));
  });
  candidates.sort((one, other) => other.sum - one.sum || one.start - other.start || one.end - other.end);
  const spans = new Map();
  for (const { sum, start, end } of candidates) {
    const span = trimmed(characters, start, end);
    if (span[0] < span[1] && !spans.has(span.join())) spans.set(span.join(), { span, sum });
    if (spans.size === wanted) break;
  }
  const answers = told([...spans.values()], none, head, characters);
  const [first, ...others] = answers;
  return { ...first, ...reading(encoded), ...(others.length ? { others } : {}) };
}

function told(spans, none, head, characters) {
  const sums = [none, ...spans.map((one) => one.sum)];
  const top = Math.max(...sums);
  const weights = sums.map((sum) => Math.exp(sum - top));
  const whole = weights.slice(0, 1 + WEIGHED).reduce((sum, one) => sum + one, 0);
  const found = spans.map(({ span: [start, end] }, at) => ({
    text: characters.slice(start, end).join(""), start, end, score: score(weights[1 + at] / whole),
  }));
  const wins = !spans.length || (head.null_margin !== null && none - spans[0].sum > head.null_margin);
  if (wins) found.unshift({ text: "", start: 0, end: 0, score: score(weights[0] / whole) });
  return found.slice(0, Math.max(1, head.top_k));
}

// The highest sums of a part, ``count`` of them, each with its first and its last character's place.
function highest(starts, ends, part, longest, count) {
  const [own, behind] = part.own;
  const found = [];
  for (let first = own; first < behind; first += 1) {
    for (let last = first; last < Math.min(behind, first + Math.max(1, longest)); last += 1) {
      found.push({ sum: starts[first] + ends[last], first, last });
    }
  }
  found.sort((one, other) => other.sum - one.sum);
  return found.slice(0, count).map(({ sum, first, last }) => ({
    sum, start: part.offsets[first - own][0], end: part.offsets[last - own][1],
  }));
}
