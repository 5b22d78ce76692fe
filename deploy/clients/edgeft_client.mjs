// Asks an `edgeft serve`: one file to copy, without packages, for Node 18 and later, Deno, Bun, and
// browsers that the server's page stands in.
//
//   import { Client } from "./edgeft_client.mjs";
//   await new Client("http://127.0.0.1:8000").predict(["Shares fell after the report"]);
//
// As a program it answers its arguments, or the lines of standard input, one JSON line each:
//
//   node edgeft_client.mjs http://127.0.0.1:8000 "Shares fell after the report"

const TRY_AGAIN = [429, 503]; // too much at a time, or the model is being loaded

/** What the server told: its status (0: there was no answer), one word, and a message. */
export class ServerError extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

/** A server. `key`: what it asks for; `tries`: how often a request is sent at most. */
export class Client {
  constructor(url, { key = "", timeoutMs = 30_000, tries = 8 } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.timeoutMs = timeoutMs;
    this.tries = tries;
    this.headers = { "Content-Type": "application/json" };
    if (key) this.headers.Authorization = `Bearer ${key}`;
  }

  /**
   * A prediction for each input: texts, pairs [a, b], or {question, context}. `wishes`: model
   * where there are several, scores: true, timeout_ms. Throws ServerError.
   */
  async predict(inputs, wishes = {}) {
    return (await this.#post("/v1/predict", { inputs, ...wishes })).predictions;
  }

  async #post(path, body) {
    for (let left = this.tries; ; ) {
      left -= 1;
      const response = await this.#send(path, body);
      if (response.ok) return response.json();
      if (!TRY_AGAIN.includes(response.status) || !left) throw await told(response);
      const pause = wait(response.headers.get("Retry-After")) * 1000;
      await new Promise((resume) => setTimeout(resume, pause));
    }
  }

  async #send(path, body) {
    try {
      return await fetch(this.url + path, {
        method: "POST",
        headers: this.headers,
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(this.timeoutMs),
      });
    } catch (error) {
      const why = error.cause?.code ?? error.message;
      throw new ServerError(0, "network", `${this.url} does not answer: ${why}`);
    }
  }
}

/** What Retry-After says, in seconds or as a date; 1 where it says neither, at most a minute. */
function wait(told) {
  let seconds = told?.trim() ? Number(told) : 1;
  if (Number.isNaN(seconds)) seconds = (Date.parse(told) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? 1 : Math.min(Math.max(seconds, 0), 60);
}

async function told(response) {
  const { error } = await response.json().catch(() => ({}));
  // Without a code it is not of edgeft: a proxy's.
  if (!error?.code) return new ServerError(response.status, "http", `HTTP ${response.status}`);
  return new ServerError(response.status, error.code, error.message);
}

async function main(url, ...texts) {
  const client = new Client(url, { key: process.env.EDGEFT_API_KEY });
  if (!texts.length) texts = await lines(process.stdin);
  for (let at = 0; at < texts.length; at += 32) {
    for (const one of await client.predict(texts.slice(at, at + 32))) {
      console.log(JSON.stringify(one));
    }
  }
}

async function lines(stream) {
  let whole = "";
  for await (const part of stream.setEncoding("utf8")) whole += part;
  return whole ? whole.replace(/\r?\n$/, "").split(/\r?\n/) : [];
}

if (globalThis.process?.argv[1]?.endsWith("edgeft_client.mjs")) {
  main(...process.argv.slice(2)).catch((error) => {
    console.error(`${error.status} ${error.code}: ${error.message}`);
    process.exitCode = 1;
  });
}
