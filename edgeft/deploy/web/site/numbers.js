// From the numbers that a graph gives to those that are shown.

const SCORE_DIGITS = 6;
const SHARE_DIGITS = 4;
const BLANK = /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/u; // as Python's isspace

// Logits divided by a temperature, each as float32.
export function tempered(logits, temperature) {
  return temperature === 1 ? logits : logits.map((one) => one / Math.fround(temperature));
}

export function softmax(logits) {
  const top = logits.reduce((most, one) => Math.max(most, one), -Infinity);
  const powers = Float32Array.from(logits, (one) => Math.exp(one - top));
  const sum = powers.reduce((all, one) => all + one, 0);
  return powers.map((one) => one / sum);
}

export const sigmoid = (logits) => Float32Array.from(logits, (one) => 1 / (1 + Math.exp(-one)));

// The place of the largest, the first of equal ones.
export const best = (numbers) => numbers.reduce((most, one, at) => (one > numbers[most] ? at : most), 0);

export const score = (number) => rounded(number, SCORE_DIGITS);

// As Python rounds: what lies in the middle goes to the even side.
function rounded(number, digits) {
  const scaled = number * 10 ** digits;
  const below = Math.floor(scaled);
  if (scaled - below === 0.5 && below % 2 === 0) return below / 10 ** digits;
  return Number(number.toFixed(digits));
}

export const significant = (number) => Number(number.toPrecision(7));

export const scoresOf = (labels, scores) => Object.fromEntries(labels.map((label, at) => [label, score(scores[at])]));

// What is told of how an input was read. ``cut``: also how many tokens each of two texts lost.
export function reading(encoded, cut = false) {
  const windows = encoded.parts.length;
  return {
    truncated: encoded.truncated,
    unknown_share: rounded(encoded.unknown, SHARE_DIGITS),
    ...(cut && encoded.truncated && encoded.cuts.length ? { cut: encoded.cuts } : {}),
    ...(windows > (encoded.second ? 2 : 1) ? { windows } : {}),
  };
}

// A span without white space at its ends; one of white space alone is empty.
export function trimmed(characters, start, end) {
  while (start < end && BLANK.test(characters[start])) start += 1;
  while (start < end && BLANK.test(characters[end - 1])) end -= 1;
  return [start, end];
}
