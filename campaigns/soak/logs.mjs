/** Every operation in the logs on disk, those of retired logs included, read without the product. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { compareOperations, singlePrefix } from "./names.mjs";

export class Logs {
  #folder;
  #files = new Map();

  constructor(folder) {
    this.#folder = join(folder, "ops");
  }

  /** The operations of all agents, in the order in which they take effect, each once. */
  read() {
    const all = [];
    for (const name of readdirSync(this.#folder)) {
      if (name.endsWith(".jsonl")) all.push(this.#operations(join(this.#folder, name)));
    }
    const operations = all.flat().sort(compareOperations);
    const result = { operations: [], reused: 0 };
    for (const operation of operations) {
      const last = result.operations.at(-1);
      if (last === undefined || compareOperations(last, operation) !== 0) result.operations.push(operation);
      // A line may be copied from one log to the next; but two operations never share a place.
      else if (last.id !== operation.id || last.token !== operation.token) result.reused++;
    }
    return result;
  }

  #operations(path) {
    const { size, mtimeMs, ino } = statSync(path);
    const version = `${ino} ${size} ${mtimeMs}`;
    let file = this.#files.get(path);
    if (file?.version !== version) {
      file = { version, operations: readFileSync(path, "utf8").split("\n").flatMap(parse) };
      this.#files.set(path, file);
    }
    return file.operations;
  }
}

/** What the oracle needs of a line; nothing if it is torn. */
function parse(line) {
  if (line === "") return [];
  try {
    const { agent = "", clock = 0, op, id, data } = JSON.parse(line);
    if (id.startsWith(singlePrefix)) return [];
    return [{ agent, clock, id, token: op === "set" ? data.t : null }];
  } catch {
    return [];
  }
}

/** What the last operation on each record made of it. */
export function lastWriters(operations) {
  return new Map(operations.map((operation) => [operation.id, operation]));
}
