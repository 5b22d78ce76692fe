// What the page's scripts make of inputs and of a graph's numbers, without a graph: in Node.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const { scripts, site, tokenizer, inputs, rows } = JSON.parse(readFileSync(0, "utf-8"));
const { encode } = await import(join(scripts, "parts.js"));
const { tokenizerOf } = await import(join(scripts, "tokenizer.js"));
const { decode } = await import(join(scripts, "tasks", `${site.task}.js`));
const read = await tokenizerOf(site.tokenizer, tokenizer);
const found = inputs.map((texts, at) => {
  const encoded = encode(site, read, texts);
  const its = rows[at].map((row) => Object.fromEntries(
    Object.entries(row).map(([name, { data, dims }]) => [name, { data: Float32Array.from(data), dims }]),
  ));
  const predictions = [true, false].map((full) => decode(its, encoded, texts, site, full));
  return { parts: encoded.parts, predictions };
});
process.stdout.write(JSON.stringify(found));
