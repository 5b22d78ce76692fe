// A pipeline of transformers.js: {folder, task, inputs, dtype, options} comes in, what it finds goes out.
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { env, pipeline } from "@huggingface/transformers";

const { folder, task, inputs, dtype, options } = JSON.parse(readFileSync(0, "utf-8"));
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const ask = await pipeline(task, basename(folder), dtype ? { dtype } : {});
const found = [];
for (const one of inputs) {
  const answer = await ask(...[one].flat(), ...(options ? [options] : []));
  found.push(answer.tolist ? answer.tolist() : answer);
}
process.stdout.write(JSON.stringify(found));
