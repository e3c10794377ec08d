/** Answers requests: a file of the page, the stream of events, a call, or an export. */
import { pipeline } from "node:stream/promises";
import { checked } from "./arguments.mjs";
import { readArguments } from "./body.mjs";
import { Refused, explained } from "./errors.mjs";
import { FORMATS } from "../records/export.mjs";
import { HEADERS, admit } from "./gate.mjs";

const EXPORT = {
  search: "text",
  query: "object",
  sort: "sort",
  at: "text",
  ids: "ids",
  columns: "names",
  format: "format!",
};
const BLOCK = 1 << 16;

export class Answers {
  #token;
  #files;
  #calls;
  #records;
  #events;
  #state;

  constructor({ token, files, calls, records, events, state }) {
    this.#token = token;
    this.#files = files;
    this.#calls = calls;
    this.#records = records;
    this.#events = events;
    this.#state = state;
  }

  /** Answers one request, whatever it is. */
  async answer(request, response) {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    try {
      const asked = admit(request, this.#token);
      if (asked === undefined && request.method === "GET") return this.#redirect(response);
      await this.#found(asked ?? "")(request, response);
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  /** What answers a path. Paths are compared as a whole: there is no way from one to a file that is not in the list. */
  #found(asked) {
    const file = this.#files.get(asked === "" ? "index.html" : asked);
    if (file !== undefined) return reading((request, response) => sendFile(request, response, file));
    if (asked === "events") return reading((_, response) => this.#listen(response));
    if (asked === "export") return posting((request, response) => this.#export(request, response));
    const name = /^api\/([a-z]+)$/.exec(asked)?.[1];
    if (name !== undefined && Object.hasOwn(this.#calls, name)) {
      return posting((request, response) => this.#call(this.#calls[name], request, response));
    }
    throw new Refused(404, "There is nothing here.", "NOT_FOUND");
  }

  /** To the address with the slash at its end, from which the page finds its files. */
  #redirect(response) {
    response.writeHead(308, { Location: `/${this.#token}/` }).end();
  }

  #listen(response) {
    if (!this.#events.add(response, this.#state())) throw new Refused(503, "Too many pages are open.");
  }

  async #call({ takes, run }, request, response) {
    const args = checked(await readArguments(request), takes);
    const text = JSON.stringify(await run(args));
    response.writeHead(200, { "Content-Type": "application/json; charset=utf-8" }).end(text);
  }

  async #export(request, response) {
    const { format, columns = [], ...wanted } = checked(await readArguments(request), EXPORT);
    const { type, ...printed } = FORMATS[format];
    const blocks = this.#blocks(printed, columns, wanted);
    // NOTE: what fails before anything is sent has a status of its own.
    const first = await blocks.next();
    response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` });
    await pipeline(async function* () {
      if (!first.done) yield first.value;
      yield* blocks;
    }, response);
  }

  async *#blocks({ head, line }, columns, wanted) {
    let text = head(columns);
    for await (const record of this.#records.records(wanted)) {
      text += line(record, columns);
      if (text.length < BLOCK) continue;
      yield text;
      text = "";
    }
    yield text;
  }

  #fail(request, response, error) {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // NOTE: what is still being sent is not waited for.
    if (!request.complete) response.setHeader("Connection", "close");
    const status = error instanceof Refused ? error.status : 422;
    if (status === 405) response.setHeader("Allow", error.allow);
    const isPage = request.method === "GET";
    const told = explained(error);
    const type = isPage ? "text/plain" : "application/json";
    response.writeHead(status, { "Content-Type": `${type}; charset=utf-8` });
    response.end(isPage ? `${told.message}\n` : JSON.stringify({ error: told }));
  }
}

function sendFile(request, response, { type, text }) {
  response.writeHead(200, { "Content-Type": type, "Content-Length": text.length });
  response.end(request.method === "HEAD" ? undefined : text);
}

const only = (methods, run) => (request, response) => {
  if (!methods.includes(request.method)) {
    throw Object.assign(new Refused(405, "That method is not for this."), { allow: methods.join(", ") });
  }
  return run(request, response);
};

function reading(run) {
  return only(["GET", "HEAD"], run);
}

function posting(run) {
  return only(["POST"], run);
}
