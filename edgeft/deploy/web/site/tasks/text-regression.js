// One number for each text.
import { reading, significant } from "../numbers.js";

export function decode([row], encoded) {
  return { value: significant(row.logits.data[0]), ...reading(encoded, true) };
}
