"use strict";
// Answers come from this browser itself: the model and what runs it lie beside this page.
const WAY = "in this browser";
const FEW_RUNS = 12; // that tell of the latency before anybody asks
const FEW_MS = 1500; // that they may take together
const PAUSE_MS = 50; // of work, after which the page may draw itself
const here = { site: null, engine: null, loaded: 0, times: [] };

async function ask(path, body, signal) {
  if (path === "v1/models") {
    here.site = here.site || (await siteOf());
    here.engine = here.engine || begin();
    here.engine.catch(() => {}); // told to whoever asks
    return { data: [here.site.model] };
  }
  const loading = setInterval(() => (at("status").textContent = loadedTold()), 200);
  let engine;
  try {
    engine = await here.engine;
  } finally {
    clearInterval(loading);
  }
  const predictions = [];
  let paused = performance.now();
  for (const one of body.inputs) {
    if (performance.now() - paused > PAUSE_MS) {
      await pause();
      paused = performance.now();
    }
    if (signal.aborted) throw new DOMException("another question was asked", "AbortError");
    predictions.push(await timed(engine, one, body.scores));
  }
  facts();
  return { predictions };
}

async function siteOf() {
  try {
    const response = await fetch("site.json");
    if (response.ok) return await response.json();
  } catch {
    // told below
  }
  if (location.protocol === "file:") {
    throw { message: "A browser loads no model from a file.", hint: "Serve this folder, for instance by: python -m http.server" };
  }
  throw { message: "The model cannot be loaded: site.json does not come.", hint: "Copy the whole folder to the server." };
}

async function begin() {
  facts();
  try {
    const { load } = await import("./engine.js");
    const engine = await load(here.site, (bytes) => {
      here.loaded += bytes;
      facts();
    });
    await measure(engine);
    here.ready = true;
    return engine;
  } catch (error) {
    here.fault = `The model cannot be run in this browser: ${error.message || error}`;
    throw { message: here.fault, hint: "Reload the page; an up-to-date browser is needed." };
  } finally {
    facts();
  }
}

// A few runs of the examples: the first makes the engine ready, the others tell of its latency.
async function measure(engine) {
  const examples = here.site.model.examples;
  const start = performance.now();
  for (let run = 0; run <= FEW_RUNS && examples.length; run += 1) {
    await timed(engine, examples[run % examples.length], false);
    if (!run) here.times = [];
    await pause();
    if (run > 1 && performance.now() - start > FEW_MS) break;
  }
}

async function timed(engine, one, full) {
  const start = performance.now();
  const found = await engine.predict(one, full);
  here.times.push(performance.now() - start);
  return found;
}

// What a check of the whole site asks: each answer with its milliseconds.
async function answersTo(inputs) {
  const engine = await here.engine;
  const found = [];
  for (const one of inputs) {
    const start = performance.now();
    const prediction = await engine.predict(one, here.site.model.scores);
    found.push([prediction, performance.now() - start]);
  }
  return found;
}

const pause = () => new Promise((done) => setTimeout(done));

function p50(times) {
  const sorted = [...times].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

const told = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
const whole = () => Object.values(here.site.downloads).reduce((sum, one) => sum + one, 0);

function loadedTold() {
  return here.ready ? "" : `Loading: ${megabytes(here.loaded)} of ${megabytes(whole())} MB …`;
}

function facts() {
  const { proven } = here.site;
  const line = (...parts) => make("li", "", ...parts);
  const lines = [];
  if (here.fault) lines.push(line(here.fault));
  else if (!here.ready) lines.push(line(loadedTold()));
  else if (here.times.length) {
    lines.push(line("p50 in this browser: ", make("b", "", told(p50(here.times))), ` of ${count(here.times.length, "answer")}.`));
  }
  if (proven) {
    const { asked, equal, least, largest, p50_ms: ms, browser } = proven;
    const mustBe = least === asked ? "all must be" : `at least ${least} must be`;
    lines.push(line(
      `Held against Python in ${browser}: `, make("b", "", `${equal} of ${asked}`),
      ` answers are the same (${mustBe}); scores lie at most ${Number(largest.toPrecision(1))} apart; p50 ${told(ms)} there.`,
    ));
  } else lines.push(line("Its answers were not held against Python's in a browser."));
  const { engine } = here.site;
  lines.push(line(`What you write stays in this browser. Loaded once: ${megabytes(whole())} MB, run by ${engine}.`));
  at("facts").replaceChildren(make("ul", "", ...lines));
  at("facts").hidden = false;
}
