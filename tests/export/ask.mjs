// A pipeline of transformers.js: {folder, task, inputs, dtype} comes in as JSON, what it finds goes out.
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { env, pipeline } from "@huggingface/transformers";

const { folder, task, inputs, dtype } = JSON.parse(readFileSync(0, "utf-8"));
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const ask = await pipeline(task, basename(folder), dtype ? { dtype } : {});
const found = [];
for (const one of inputs) found.push(await ask(...[one].flat()));
process.stdout.write(JSON.stringify(found));
