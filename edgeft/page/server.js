"use strict";
// Answers come from the server that gave the page.
const WAY = "there and back";

async function ask(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  if (state.key) headers.Authorization = `Bearer ${state.key}`;
  const options = body === undefined ? { headers, signal } : { method: "POST", headers, signal, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw { message: "The server cannot be reached.", hint: "See whether it still runs, and ask again." };
  }
  const told = await response.json().catch(() => null);
  if (response.ok && told) return told;
  const why = (told && told.error) || {};
  throw {
    status: response.status,
    message: why.message || `The server answered ${response.status}.`,
    hint: why.hint || "",
    where: why.where || "",
  };
}
