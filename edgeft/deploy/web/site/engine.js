// A bundle in the browser: onnxruntime-web runs its graph, what stands around that is here.
import * as ort from "./runtime/onnxruntime.js";
import { encode } from "./parts.js";
import { tokenizerOf } from "./tokenizer.js";

const MOST_THREADS = 4;
const TENSORS = { int64: [BigInt64Array, BigInt], int32: [Int32Array, Number] };

// ``progress`` is told of each handful of bytes that has come.
export async function load(site, progress) {
  const { wasm } = ort.env;
  const fetched = (name) => bytesOf(new URL(name, import.meta.url), progress);
  const [binary, graph, tokenizer] = await Promise.all([
    fetched("runtime/onnxruntime.wasm"), fetched("model/model.onnx"), fetched("model/tokenizer.json"),
  ]);
  wasm.wasmPaths = { mjs: new URL("./runtime/onnxruntime-wasm.js", import.meta.url).href };
  wasm.wasmBinary = binary.buffer;
  // Threads share memory, which a browser allows where the server sends COOP and COEP.
  wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
  ort.env.logLevel = "error";
  const read = await tokenizerOf(site.tokenizer, JSON.parse(new TextDecoder().decode(tokenizer)));
  const { decode } = await import(`./tasks/${site.task}.js`);
  const session = await ort.InferenceSession.create(graph, {
    executionProviders: ["wasm"], graphOptimizationLevel: "all",
  });

  async function run(part) {
    const rows = {
      input_ids: part.ids,
      attention_mask: new Array(part.ids.length).fill(1),
      token_type_ids: part.types,
    };
    const feed = {};
    for (const [name, kind] of Object.entries(site.inputs)) {
      const [Typed, number] = TENSORS[kind];
      feed[name] = new ort.Tensor(kind, Typed.from(rows[name], number), [1, part.ids.length]);
    }
    const found = await session.run(feed, site.outputs);
    return Object.fromEntries(site.outputs.map((name) => {
      const { data, dims } = found[name];
      if (!data.every(Number.isFinite)) throw { message: "The graph gave scores that are no numbers." };
      return [name, { data, dims: dims.slice(1) }];
    }));
  }

  return {
    // The JSON that `edgeft predict` gives. ``one``: a text, or an object of named texts.
    async predict(one, full) {
      const texts = typeof one === "string" ? [one] : Object.values(one);
      const encoded = encode(site, read, texts);
      const rows = [];
      for (const part of encoded.parts) rows.push(await run(part));
      return decode(rows, encoded, texts, site, full);
    },
  };
}

async function bytesOf(url, progress) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname} does not come (${response.status})`);
  const parts = [];
  let size = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    size += value.length;
    progress(value.length);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
