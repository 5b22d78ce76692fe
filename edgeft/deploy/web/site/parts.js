// Texts as the graph reads them: one part, or windows of a long text, as the runtime makes them.

const MOST_WINDOWED = 1 << 20; // characters of a text that is read in windows

// ``texts``: one, or the two of a pair or of a question and its context.
export function encode(site, tokenizer, texts) {
  if (site.overlap !== null && texts.some((text) => Array.from(text).length > MOST_WINDOWED)) {
    throw { message: `A text of more than ${MOST_WINDOWED.toLocaleString("en")} characters is too long for windows.`, hint: "Split it." };
  }
  const behind = site.apart && texts.length === 2 ? texts.map((text, at) => site.apart[at] + text) : texts;
  const found = behind.map((text) => tokenizer.tokens(wellFormed(text)));
  if (found.length === 1) return alone(site, found[0]);
  if (!site.apart) return together(site, ...found);
  const [one, other] = found.map((its) => alone(site, its));
  const sizes = [one, other].map((its) => its.parts.reduce((sum, part) => sum + part.fresh, 0));
  return {
    parts: [...one.parts, ...other.parts],
    truncated: one.truncated || other.truncated,
    unknown: (one.unknown * sizes[0] + other.unknown * sizes[1]) / Math.max(1, sizes[0] + sizes[1]),
    cuts: [one.lost, other.lost],
    second: one.parts.length,
  };
}

function alone(site, found) {
  const { before, behind } = site.frame;
  const room = site.most - before.length - behind.length;
  const size = found.ids.length;
  const windows = site.overlap !== null && size > room;
  const parts = [];
  for (const begin of windows ? steps(0, size - site.overlap, room - site.overlap) : [0]) {
    const kept = found.ids.slice(begin, begin + room);
    const ids = [...before, ...kept, ...behind];
    if (!ids.length) ids.push(site.empty);
    const fresh = kept.length - (begin ? site.overlap : 0);
    parts.push(placed(found, begin, { ids, types: ids.map(() => 0), own: [before.length, before.length + kept.length], fresh }));
  }
  const truncated = !windows && size > room;
  const read = truncated ? found.ids.slice(0, room) : found.ids;
  return { parts, truncated, unknown: share(site, read, read.length), lost: size - read.length, cuts: [], second: 0 };
}

function together(site, first, second) {
  const { ids: frame, types } = site.frame.both;
  const room = site.most - frame.flat().length;
  const sizes = [first.ids.length, second.ids.length];
  let [kept, most] = sizes;
  if (site.half) {
    kept = Math.min(kept, Math.floor(site.most / 2), room - 1);
    most = Math.min(most, room - kept);
  } else {
    [kept, most] = longestFirst(kept, most, room);
  }
  let begins = [0];
  let read = most;
  let overlap = 0;
  if (site.overlap !== null && most < sizes[1]) {
    overlap = Math.min(site.overlap, Math.floor(most / 2));
    begins = steps(0, sizes[1] - overlap, most - overlap);
    [read] = sizes.slice(1);
  }
  const head = [...frame[0], ...first.ids.slice(0, kept), ...frame[1]];
  const headTypes = [...types[0], ...new Array(kept).fill(types[1]), ...types[2]];
  const parts = begins.map((begin) => {
    const own = second.ids.slice(begin, begin + most);
    return placed(second, begin, {
      ids: [...head, ...own, ...frame[2]],
      types: [...headTypes, ...own.map(() => types[3]), ...types[4]],
      own: [head.length, head.length + own.length],
      fresh: own.length - (begin ? overlap : 0),
    });
  });
  const cuts = [sizes[0] - kept, sizes[1] - read];
  return {
    parts,
    truncated: cuts[0] + cuts[1] > 0,
    unknown: share(site, [...first.ids, ...second.ids], sizes[0] + sizes[1]),
    cuts,
    second: 0,
  };
}

// How many tokens two texts keep where the longer one is cut first.
function longestFirst(first, second, room) {
  if (first + second <= room) return [first, second];
  let short = Math.min(first, second);
  let long = Math.max(short, room - short);
  if (short + long > room) [short, long] = [Math.floor(room / 2), Math.floor(room / 2) + (room % 2)];
  return first <= second ? [short, long] : [long, short];
}

// A part with the place in the text and the word of each of its own tokens.
function placed(found, begin, part) {
  if (!found.offsets) return part;
  const size = part.own[1] - part.own[0];
  return {
    ...part,
    offsets: found.offsets.slice(begin, begin + size),
    words: found.words.slice(begin, begin + size),
  };
}

// One character for each half of a pair that stands alone, so that every other stays in its place.
const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, "?");

const share = (site, ids, of) => (of && site.unknown !== null ? ids.filter((id) => id === site.unknown).length / of : 0);

function steps(begin, end, by) {
  const found = [];
  for (let at = begin; at < end; at += by) found.push(at);
  return found;
}
