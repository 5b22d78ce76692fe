// Tells the routes of a server, as its openapi.json has them: what each is asked, and answers.
// Another script before this one asks the server: ask(path). What it says goes in as text alone.
const state = { key: "" };

async function start() {
  problem(null);
  at("routes").replaceChildren();
  at("status").textContent = "One moment …";
  let told;
  try {
    told = await ask("openapi.json");
  } catch (error) {
    at("status").textContent = "";
    at("form").hidden = error.status !== 401;
    if (error.status === 401 && !state.key) at("key").focus();
    else problem(error);
    return;
  }
  at("form").hidden = !state.key;
  at("about").textContent = `${told.info.title} ${told.info.version}. ${told.info.summary || ""}`;
  const routes = Object.entries(told.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => route(method.toUpperCase(), path, one)));
  at("status").textContent = `${routes.length} routes`;
  at("routes").append(...routes);
}

function route(method, path, one) {
  const found = make("details", "card route", make("summary", "",
    make("span", "method", method), make("code", "", path), make("span", "", one.summary)));
  for (const place of ["path", "query", "header"]) {
    const its = (one.parameters || []).filter((two) => two.in === place);
    if (its.length) found.append(make("h2", "", `In the ${place}`), list(its.map((two) => [two.name, two.schema, two.required ? "needed" : "", two.description])));
  }
  const schema = one.requestBody && one.requestBody.content["application/json"].schema;
  if (schema) {
    found.append(make("h2", "", "Body, as JSON"));
    found.append(list(Object.entries(schema.properties).map(([name, two]) => [name, two, need(schema, name), two.description])));
  }
  const command = make("pre", "", curl(method, path, schema));
  command.tabIndex = 0; // it may be wider than the page
  found.append(make("h2", "", "Asked by curl"), command);
  const answers = Object.entries(one.responses).map(([status, two]) => {
    const [kind, content] = Object.entries(two.content || {})[0] || ["", {}];
    const what = status === "200" && content.schema ? `${kind}: ${shape(content.schema)}` : "";
    return [make("dt", "", make("code", "", status)), make("dd", "", two.description, what ? make("p", "", what) : null)];
  });
  found.append(make("h2", "", "Answers"), make("dl", "", ...answers.flat()));
  return found;
}

function list(rows) {
  return make("dl", "", ...rows.flatMap(([name, schema, needed, says]) => [
    make("dt", "", make("code", "", name)),
    make("dd", "", `${shape(schema)}${needed ? `, ${needed}` : ""}`, says ? make("p", "", says) : null),
  ]));
}

// The fields that must be there; where there is a choice, those of the first one.
function required(schema) {
  return [...(schema.required || []), ...((schema.oneOf || [{}])[0].required || [])];
}

// Whether a field is needed, in words.
function need(schema, name) {
  if (schema.required && schema.required.includes(name)) return "needed";
  return (schema.oneOf || []).some((one) => one.required.includes(name)) ? "one such needed" : "";
}

const exact = (schema) => schema.minItems > 1 && schema.minItems === schema.maxItems;
const several = (schema, what) => Array.from({ length: exact(schema) ? schema.minItems : 1 }, () => what(schema.items));

// What a schema lets stand there, in a line.
function shape(schema) {
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" or ");
  if (schema.anyOf) return [...new Set(schema.anyOf.map(shape))].join(" or ");
  if (schema.type === "array") return schema.items ? `[${several(schema, shape).join(", ")}${exact(schema) ? "" : ", …"}]` : "list";
  if (schema.properties) return `{${Object.entries(schema.properties).map(([name, one]) => `"${name}": ${shape(one)}`).join(", ")}}`;
  return { string: "text", boolean: "true or false", integer: "whole number", null: "null" }[schema.type] || schema.type || "anything";
}

// The least that a schema takes.
function least(schema) {
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return least(schema.anyOf[0]);
  if (schema.type === "array") return several(schema, least);
  if (schema.type === "object") return Object.fromEntries(required(schema).map((name) => [name, least(schema.properties[name])]));
  return { string: "…", boolean: true, integer: 1, number: 1 }[schema.type];
}

function curl(method, path, schema) {
  const parts = [`curl ${new URL(path.slice(1), document.baseURI)}`.replaceAll("%7B", "{").replaceAll("%7D", "}")];
  if (method === "POST" && !schema) parts.push("-X POST");
  if (state.key) parts.push("-H 'Authorization: Bearer KEY'");
  if (schema) parts.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(least(schema))}'`);
  return parts.join(" \\\n  ");
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  state.key = at("key").value.trim();
  start();
});

start();
