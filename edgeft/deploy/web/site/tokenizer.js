// Texts to token ids, without special tokens. Places are counted in characters, as Python has them.

export async function tokenizerOf(settings, content) {
  if (settings.characters) return new Words(settings.characters, content);
  const { Tokenizer } = await import("./runtime/tokenizers.js");
  const library = new Tokenizer(content, settings.config);
  return { tokens: (text) => ({ ids: library.encode(text, { add_special_tokens: false }).ids }) };
}

// BERT's steps and WordPiece. What they do with each character was asked of the tokenizer itself:
// whether it goes, becomes white space, stands alone, or becomes others; and what parts words.
class Words {
  constructor(characters, { model, added_tokens: added = [] }) {
    this.characters = characters;
    this.vocabulary = new Map(Object.entries(model.vocab));
    this.prefix = model.continuing_subword_prefix;
    this.longest = model.max_input_chars_per_word;
    this.unknown = this.vocabulary.get(model.unk_token);
    this.added = new Map(added.map((one) => [one.content, one.id]));
    const contents = [...this.added.keys()].filter(Boolean).sort((one, other) => other.length - one.length);
    this.pattern = contents.length ? new RegExp(contents.map(escaped).join("|"), "gu") : null;
    this.known = new Map();
  }

  tokens(text) {
    const found = { ids: [], offsets: [], words: [] };
    let place = 0; // in characters
    let begin = 0; // in the string
    for (const match of this.pattern ? text.matchAll(this.pattern) : []) {
      place = this.read(text.slice(begin, match.index), place, found);
      const size = Array.from(match[0]).length;
      this.add(found, this.added.get(match[0]), place, place + size, nextWord(found));
      place += size;
      begin = match.index + match[0].length;
    }
    this.read(text.slice(begin), place, found);
    return found;
  }

  // Adds the tokens of a text without added ones that begins at ``place``; where it ends.
  read(text, place, found) {
    let word = [];
    let places = [];
    const end = () => {
      if (word.length) this.pieces(word, places, found);
      word = [];
      places = [];
    };
    for (const character of text) {
      for (const one of this.normalized(character)) {
        const kind = this.kind(one);
        if (kind !== "letter") end();
        if (kind === "blank") continue;
        word.push(one);
        places.push(place);
        if (kind === "mark") end();
      }
      place += 1;
    }
    end();
    return place;
  }

  normalized(character) {
    let found = this.known.get(character);
    if (found === undefined) {
      const code = character.codePointAt(0);
      const { removed, blank, alone, becomes, hangul } = this.characters;
      if (within(removed, code)) found = [];
      else if (within(blank, code)) found = [" "];
      else if (within(alone, code)) found = [" ", character, " "];
      else if (hangul && code >= 0xac00 && code <= 0xd7a3) found = Array.from(character.normalize("NFD"));
      else found = Array.from(becomes[character] ?? character);
      this.known.set(character, found);
    }
    return found;
  }

  kind(character) {
    const code = character.codePointAt(0);
    if (within(this.characters.parts, code)) return "blank";
    return within(this.characters.marks, code) ? "mark" : "letter";
  }

  // The longest pieces from the left; one unknown token where anything is left over.
  pieces(word, places, found) {
    const number = nextWord(found);
    const pieces = [];
    let begin = word.length > this.longest ? -1 : 0;
    while (begin >= 0 && begin < word.length) {
      let end = word.length;
      let id;
      for (; end > begin; end -= 1) {
        id = this.vocabulary.get((begin ? this.prefix : "") + word.slice(begin, end).join(""));
        if (id !== undefined) break;
      }
      if (id !== undefined) pieces.push([id, begin, end]);
      begin = id === undefined ? -1 : end;
    }
    if (begin < 0) pieces.splice(0, Infinity, [this.unknown, 0, word.length]);
    for (const [id, first, end] of pieces) this.add(found, id, places[first], places[end - 1] + 1, number);
  }

  add(found, id, start, end, word) {
    found.ids.push(id);
    found.offsets.push([start, end]);
    found.words.push(word);
  }
}

const nextWord = (found) => (found.words.length ? found.words[found.words.length - 1] + 1 : 0);
const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

// Whether a code lies in one of the sorted ranges, the ends included.
function within(ranges, code) {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (code < ranges[middle][0]) high = middle - 1;
    else if (code > ranges[middle][1]) low = middle + 1;
    else return true;
  }
  return false;
}
