// Tries models by hand. What a prediction is, its own fields tell: no task is known by name.
// Other scripts before this one have what all pages need, and say who answers: ask(path, body, signal), and WAY in words.
// Whatever a user or a model says goes into the page as text, never as HTML.
const FEW = 6; // bars that are shown without being asked for
const MOST_LINES = 12; // of a table of similarities
const WORDS = {
  text: "Text", other: "Second text", question: "Question", context: "Text in which the answer may stand",
};
const state = { models: [], model: null, names: [], key: "", asking: null };

async function start() {
  problem(null);
  at("status").textContent = "One moment …";
  try {
    state.models = (await ask("v1/models")).data;
  } catch (error) {
    at("key-row").hidden = error.status !== 401;
    at("status").textContent = "";
    if (error.status === 401 && !state.key) {
      at("key").focus();
      return;
    }
    problem(error);
    return;
  }
  at("key-row").hidden = !state.key;
  const select = at("model");
  const before = select.value;
  select.replaceChildren(...state.models.map((one) => new Option(one.id, one.id)));
  if (state.models.some((one) => one.id === before)) select.value = before;
  at("model-row").hidden = state.models.length < 2;
  choose();
}

// --- what is asked ------------------------------------------------------------------------

function choose() {
  state.model = state.models.find((one) => one.id === at("model").value) || state.models[0];
  const model = state.model;
  clear();
  at("name").textContent = model.id;
  document.title = model.id;
  if (!model.ready) {
    at("about").textContent = "";
    problem({ message: `The model is not ready: ${model.fault || "it is being loaded"}`, hint: "Reload this page in a moment." });
    return;
  }
  const labels = model.labels.length ? `${count(model.labels.length, "label")}, ` : "";
  at("about").textContent = `${model.noun}, ${labels}${model.variant} ${model.where || `on ${model.device}`}`;
  const kinds = at("kinds");
  kinds.replaceChildren(kinds.firstElementChild);
  kinds.hidden = model.fields.length < 2;
  model.fields.forEach((names, number) => {
    const radio = make("input");
    Object.assign(radio, { type: "radio", name: "kind", checked: number === 0, id: `kind-${number}` });
    radio.addEventListener("change", () => setNames(names));
    kinds.append(make("label", "", radio, make("span", "", names.length > 1 ? "Two texts" : "One text")));
  });
  setNames(model.fields[0]);
  at("lines").checked = Boolean(model.dimensions);
  showExamples();
}

function setNames(names) {
  const before = new Map(state.names.map((name) => [name, at(`field-${name}`).value]));
  state.names = names;
  clear();
  at("fields").replaceChildren(...names.map((name) => {
    const label = make("label", "", names.length > 1 && name === "text" ? "First text" : WORDS[name] || name);
    const area = make("textarea", name === "question" ? "short" : "");
    Object.assign(area, { id: `field-${name}`, value: before.get(name) || "", dir: "auto" });
    area.setAttribute("spellcheck", "false");
    label.htmlFor = area.id;
    return make("div", "field", label, area);
  }));
}

function given(name) {
  const text = at(`field-${name}`).value;
  if (!at("lines").checked) return [text];
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  return lines.length ? lines : [text];
}

// The inputs: as many as there are lines, and where one field has a single one it goes with all.
function inputs() {
  const columns = state.names.map(given);
  const most = Math.max(...columns.map((one) => one.length));
  if (columns.some((one) => one.length !== 1 && one.length !== most)) {
    throw { message: `The fields have ${columns.map((one) => one.length).join(" and ")} lines.`, hint: "Give both as many, or one of them a single line." };
  }
  return Array.from({ length: most }, (_, row) =>
    Object.fromEntries(state.names.map((name, column) => [name, columns[column][columns[column].length > 1 ? row : 0]])));
}

async function run() {
  if (!state.model || !state.model.ready) return start();
  if (state.asking) state.asking.abort();
  problem(null);
  let asked;
  try {
    asked = inputs();
  } catch (error) {
    clear();
    problem(error);
    return;
  }
  const mine = (state.asking = new AbortController());
  document.body.classList.add("busy");
  const begin = performance.now();
  try {
    const sent = asked.map((one) => (state.names.length === 1 && state.names[0] === "text" ? one.text : one));
    const told = await ask("v1/predict", { model: state.model.id, inputs: sent, scores: state.model.scores }, mine.signal);
    const ms = performance.now() - begin;
    show(asked, told.predictions);
    at("results").scrollIntoView({ block: "nearest" });
    at("status").textContent = `${count(asked.length, "answer")} in ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms, ${WAY}`;
  } catch (error) {
    if (error.name === "AbortError") return;
    clear();
    if (error.status === 401) at("key-row").hidden = false;
    problem(error.message ? error : { message: "The answer cannot be shown." });
  } finally {
    if (state.asking === mine) {
      state.asking = null;
      document.body.classList.remove("busy");
    }
  }
}

function clear() {
  at("answers").replaceChildren();
  at("status").textContent = "";
  problem(null);
}

function showExamples() {
  const all = state.model.examples.map((one) => (typeof one === "string" ? { text: one } : one));
  const ways = all.map((one) => [Object.values(one).join("  ·  "), one, false]);
  if (state.model.dimensions && all.length > 1) {
    const text = all.map((one) => one.text).join("\n");
    ways.unshift([`All ${all.length}, compared line by line`, { text }, true]);
  }
  at("examples").hidden = !ways.length;
  at("example-list").replaceChildren(...ways.map(([words, one, lines]) => {
    const button = make("button", "", words);
    button.type = "button";
    button.addEventListener("click", () => {
      const names = Object.keys(one);
      const kind = state.model.fields.findIndex((its) => its.join() === names.join());
      if (at(`kind-${kind}`)) at(`kind-${kind}`).checked = true;
      setNames(names);
      at("lines").checked = lines;
      for (const name of names) at(`field-${name}`).value = one[name];
      run();
    });
    return make("li", "", button);
  }));
}

// --- what is answered ---------------------------------------------------------------------

function show(asked, predictions) {
  const vectors = predictions.every((one) => one.vector);
  if (vectors && predictions.length > 1) {
    at("answers").replaceChildren(similarities(asked, predictions));
    return;
  }
  at("answers").replaceChildren(...predictions.map((one, row) => {
    const card = make("article", "card");
    if (predictions.length > 1 && !one.entities && !("start" in one)) {
      card.append(make("p", "asked", Object.values(asked[row]).join("  ·  ")));
    }
    card.append(...answer(one, asked[row]));
    const told = notes(one);
    if (told.length) card.append(make("ul", "notes", ...told));
    return card;
  }));
}

function answer(one, asked) {
  if (one.entities) return entities(one, asked.text);
  if ("start" in one) return passage(one, asked);
  if (one.labels) return labels(one);
  if ("label" in one) return [headline(one.abstained ? "No sure answer" : one.label, percent(one.score)), ...bars(one.scores, (name) => !one.abstained && name === one.label)];
  if ("value" in one) return number(one.value);
  if (one.vector) return vector(one.vector);
  if ("score" in one) return [headline(one.score.toFixed(3), "cosine of the two"), scale(one.score, -1, 1)];
  return [make("pre", "", JSON.stringify(one, null, 2))];
}

function headline(words, small) {
  return make("p", "answer", words, small ? make("small", "", small) : null);
}

function bars(scores, isGiven, thresholds) {
  if (!scores) return [];
  const rows = Object.entries(scores).sort((one, other) => other[1] - one[1]).map(([name, score]) => {
    const fill = make("div", "fill");
    fill.style.width = `${score * 100}%`;
    const track = make("div", "track", fill);
    if (thresholds) {
      const tick = make("div", "tick");
      tick.style.left = `${thresholds[name] * 100}%`;
      tick.title = `given from ${percent(thresholds[name])} on`;
      track.append(tick);
    }
    const words = thresholds ? `${percent(score)}, given from ${percent(thresholds[name])}` : percent(score);
    return make("li", isGiven(name) ? "bar given" : "bar", make("span", "", name), make("span", "", words), track);
  });
  const first = make("ul", "bars", ...rows.slice(0, FEW));
  if (rows.length <= FEW) return [first];
  const rest = make("details", "", make("summary", "", `${rows.length - FEW} more`), make("ul", "bars", ...rows.slice(FEW)));
  return [first, rest];
}

function labels(one) {
  const thresholds = Object.fromEntries(Object.keys(one.scores).map((name) => [name, (state.model.thresholds || {})[name] ?? 0.5]));
  const words = one.labels.length ? one.labels.join(", ") : "No label";
  return [
    headline(words),
    ...bars(one.scores, (name) => one.labels.includes(name), thresholds),
  ];
}

// Places are told in characters, which JavaScript's strings do not count: an emoji is two of theirs.
function marked(text, spans, tight) {
  const characters = Array.from(text);
  const found = make("p", tight ? "text tight" : "text");
  found.dir = "auto";
  let end = 0;
  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    if (span.start < end) continue;
    found.append(characters.slice(end, span.start).join(""));
    const name = span.label ? make("span", "", span.label) : null;
    found.append(make("mark", "", characters.slice(span.start, span.end).join(""), name));
    end = span.end;
  }
  found.append(characters.slice(end).join(""));
  return found;
}

function entities(one, text) {
  const rows = one.entities.map((found) =>
    make("li", "", make("span", "", found.text), make("span", "", `${found.label} · ${percent(found.score)}`)));
  const list = rows.length ? make("ul", "found", ...rows) : make("p", "hint", "Nothing was found in it.");
  return [marked(text, one.entities), list];
}

function passage(one, asked) {
  const has = one.end > one.start;
  const words = has ? headline(one.text, percent(one.score)) : headline("No answer in this text", percent(one.score));
  const parts = [make("p", "asked", asked.question), words, marked(asked.context, has ? [{ start: one.start, end: one.end }] : [], true)];
  if (one.others && one.others.length) {
    parts.push(make("ul", "found", ...one.others.map((other) =>
      make("li", "", make("span", "", other.text || "No answer"), make("span", "", percent(other.score))))));
  }
  return parts;
}

function number(value) {
  const range = state.model.range;
  return range ? [headline(plain(value)), scale(value, range[0], range[1])] : [headline(plain(value))];
}

function scale(value, low, high) {
  const share = high > low ? (value - low) / (high - low) : 0.5;
  const dot = make("div", "dot");
  dot.style.left = `${Math.min(1, Math.max(0, share)) * 100}%`;
  const outside = share < 0 ? "below what was seen" : share > 1 ? "above what was seen" : "";
  return make("div", "scale", make("div", "track", dot),
    make("div", "ends", make("span", "", plain(low)), make("span", "", outside), make("span", "", plain(high))));
}

function vector(found) {
  const length = Math.sqrt(found.reduce((sum, one) => sum + one * one, 0));
  const first = found.slice(0, 8).map((one) => one.toFixed(3)).join("  ");
  return [
    headline(count(found.length, "number"), `length ${length.toFixed(2)}`),
    make("p", "hint", `${first}  …`),
    make("p", "hint", "Write several lines to see how alike they are."),
  ];
}

function similarities(asked, predictions) {
  const rows = predictions.slice(0, MOST_LINES).map((one) => one.vector);
  const lengths = rows.map((row) => Math.sqrt(row.reduce((sum, one) => sum + one * one, 0)) || 1);
  const cosine = (a, b) => rows[a].reduce((sum, one, place) => sum + one * rows[b][place], 0) / lengths[a] / lengths[b];
  const heads = rows.map((_, row) => {
    const head = make("th", "", String(row + 1));
    head.scope = "col";
    return head;
  });
  const body = rows.map((_, row) => {
    const words = asked[row].text;
    const head = make("th", "", `${row + 1}  ${words}`);
    head.scope = "row";
    head.title = words;
    return make("tr", "", head, ...rows.map((_, column) => {
      const value = cosine(row, column);
      const back = make("i");
      back.style.opacity = String(Math.max(0, value) ** 2);
      return make("td", value > 0.9 ? "strong" : "", back, make("span", "", value.toFixed(2)));
    }));
  });
  const table = make("table", "", make("thead", "", make("tr", "", make("td", "corner"), ...heads)), make("tbody", "", ...body));
  const wide = make("div", "wide", table);
  wide.tabIndex = 0;
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-label", "How alike the lines are");
  const cut = predictions.filter((one) => one.truncated).length;
  const told = [`Cosines of vectors of ${count(predictions[0].vector.length, "number")}: 1 is the same direction.`];
  if (predictions.length > rows.length) told.push(`The first ${rows.length} of ${predictions.length} lines.`);
  if (cut) told.push(`Cut, as they are too long: ${count(cut, "line")}.`);
  return make("article", "card", wide, make("ul", "notes", ...told.map((one) => make("li", "", one))));
}

function notes(one) {
  const found = [];
  const model = state.model;
  if (one.stage) {
    const names = model.stages.map((name) => make(name === one.stage ? "b" : "span", "", name));
    const steps = names.flatMap((name, place) => (place ? [make("span", "", "→"), name] : [name]));
    found.push(make("li", "", make("span", "stages", make("span", "", "Answered by"), ...steps)));
  }
  if (one.truncated) {
    const cut = one.cut ? `: cut by ${one.cut.join(" and ")} tokens` : "";
    found.push(make("li", "warn", `Too long; only ${model.max_length} tokens were read${cut}`));
  }
  if (one.windows > 1) found.push(make("li", "", `Read in ${one.windows} windows`));
  if (one.unknown_share > 0) found.push(make("li", one.unknown_share > 0.2 ? "warn" : "", `${percent(one.unknown_share)} of its tokens are unknown`));
  return found;
}

function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(share * 100).toFixed(share > 0.9995 || share === 0 ? 0 : 1)} %`;
}

const plain = (value) => String(Number(value.toPrecision(4)));
const count = (many, word) => `${many.toLocaleString("en")} ${word}${many === 1 ? "" : "s"}`;

// --- what a user does ---------------------------------------------------------------------

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
at("form").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  if (event.target.id === "key") {
    event.preventDefault();
    useKey();
  } else if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    run();
  }
});
at("model").addEventListener("change", choose);
at("key-use").addEventListener("click", useKey);

function useKey() {
  state.key = at("key").value.trim();
  start();
}

start();
