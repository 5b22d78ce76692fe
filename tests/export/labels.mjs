// Labels by transformers.js: {folder, texts, dtype} comes in as JSON, a list of labels goes out.
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { env, pipeline } from "@huggingface/transformers";

const { folder, texts, dtype } = JSON.parse(readFileSync(0, "utf-8"));
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const classify = await pipeline("text-classification", basename(folder), dtype ? { dtype } : {});
const labels = [];
for (const text of texts) labels.push((await classify(text))[0].label);
process.stdout.write(JSON.stringify(labels));
