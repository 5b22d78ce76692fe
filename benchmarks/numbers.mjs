// What transformers.js computes: {folder, embeds, inputs, most} comes in as JSON, numbers go out.
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { AutoModel, AutoModelForSequenceClassification, AutoTokenizer, env } from "@huggingface/transformers";

const { folder, embeds, inputs, most } = JSON.parse(readFileSync(0, "utf-8"));
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const kind = embeds ? AutoModel : AutoModelForSequenceClassification;
const tokenizer = await AutoTokenizer.from_pretrained(basename(folder));
const model = await kind.from_pretrained(basename(folder), { dtype: "fp32" });
const found = [];
for (const one of inputs) {
  const [text, text_pair = null] = [one].flat();
  const feed = tokenizer(text, { text_pair, truncation: true, max_length: most });
  const outputs = await model(feed);
  found.push(Array.from((outputs.sentence_embedding ?? outputs.logits).data));
}
process.stdout.write(JSON.stringify(found));
