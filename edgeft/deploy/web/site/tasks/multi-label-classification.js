// Any number of labels for each text.
import { reading, scoresOf, sigmoid, tempered } from "../numbers.js";

const HALF = 0.5;

export function decode([row], encoded, texts, { model: { labels }, head }, full) {
  const scores = sigmoid(tempered(row.logits.data, head.temperature));
  const given = labels
    .map((_, at) => at)
    .filter((at) => scores[at] >= (head.thresholds.length ? head.thresholds[at] : HALF))
    .sort((one, other) => scores[other] - scores[one])
    .map((at) => labels[at]);
  const all = scoresOf(labels, scores);
  const told = full ? all : Object.fromEntries(given.map((label) => [label, all[label]]));
  return { labels: given, scores: told, ...reading(encoded, true) };
}
