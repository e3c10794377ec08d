"use strict";

// What the HTTP response behind an answer of the SDK said, and the answer does not: the server's clock, and which server it is.

const { now } = require("../arguments/values");

const parseDate = Date.parse;
/** By answer. */
const responses = new WeakMap();

/** Sends a command, and keeps what the response says. */
async function sendWith(client, command, options) {
  let response = {};
  const listening = (next) => async (args) => {
    const result = await next(args);
    const { headers = {}, body } = result.response ?? {};
    response = { date: headers.date, server: headers.server, version: body?.httpVersion };
    return result;
  };
  command.middlewareStack.add(listening, { step: "deserialize", name: "opslogResponse" });
  const answer = await client.send(command, options);
  responses.set(answer, response);
  return answer;
}

/** The server's clock when it answered, in milliseconds; the own one where the response does not say it. */
function serverTime(answer) {
  const told = parseDate(responses.get(answer)?.date ?? "");
  return Number.isNaN(told) ? now() : told;
}

/** What the server calls itself, and the version of HTTP that it spoke. */
function serverOf(answer) {
  const { server = "", version } = responses.get(answer) ?? {};
  return { name: server, version };
}

module.exports = { sendWith, serverOf, serverTime };
