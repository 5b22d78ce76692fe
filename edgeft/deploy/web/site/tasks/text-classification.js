// One label for each text.
import { best, reading, score, scoresOf, softmax, tempered } from "../numbers.js";

export function decode([row], encoded, texts, { model: { labels }, head }, full) {
  const scores = softmax(tempered(row.logits.data, head.temperature));
  let given = best(scores);
  if (head.label) {
    const its = labels.indexOf(head.label);
    given = scores[its] >= head.threshold ? its : best(scores.map((one, at) => (at === its ? -1 : one)));
  }
  const abstained = scores[given] < head.abstain_below;
  return {
    label: abstained ? "unknown" : labels[given],
    score: score(scores[given]),
    ...reading(encoded, true),
    ...(abstained ? { abstained } : {}),
    ...(full ? { scores: scoresOf(labels, scores) } : {}),
  };
}
