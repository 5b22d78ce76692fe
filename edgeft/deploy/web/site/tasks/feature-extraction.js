// A vector for each text, and for two how alike they are.
import { reading, score, significant } from "../numbers.js";

const TINY = 1e-12; // instead of the length of a vector without any

export function decode(rows, encoded) {
  const [one, other] = rows.map((row) => row.sentence_embedding.data);
  const told = reading(encoded, true);
  return other ? { score: score(cosine(one, other)), ...told } : { vector: Array.from(one, significant), ...told };
}

function cosine(one, other) {
  const product = (a, b) => a.reduce((sum, number, at) => sum + number * b[at], 0);
  return product(one, other) / Math.max(Math.sqrt(product(one, one)) * Math.sqrt(product(other, other)), TINY);
}
