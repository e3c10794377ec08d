/**
 * Carries out cycles of plans in stores, under the shim. Before each step it says which, and behind each promise how
 * it ended, with a write that is done before anything else is.
 */
import diagnostics from "node:diagnostics_channel";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { say } from "../soak/telling.mjs";
import { optionsOf, planCycle, valueOf, workloads } from "./plans.mjs";

const modules = new Map();

function describe(error) {
  const { code, errno, syscall, path, message, name } = error ?? {};
  return { code, errno, syscall, path, cause: error?.cause?.code, message: String(message ?? error), name };
}

process.on("uncaughtException", (error) => say("uncaught", describe(error)));
process.on("unhandledRejection", (error) => say("uncaught", describe(error)));
for (const name of ["opslog:flush-failed", "opslog:checkpoint-failed", "opslog:sync-failed"]) {
  diagnostics.subscribe(name, ({ error }) => say("reported", name, describe(error)));
}

/** What a store holds: its records as pairs of id and number, damaged ones as text; and its archives. */
async function look(store, command) {
  const shown = (value) =>
    JSON.stringify(value) === JSON.stringify(valueOf(value?.n, command)) ? value.n : JSON.stringify(value);
  const archives = [];
  for (const path of store.listArchiveSegments()) {
    const period = /p\d+-\d+/.exec(path)?.[0] ?? path;
    for (const [id, value] of await store.loadArchive(path)) archives.push([period, id, shown(value)]);
  }
  return { records: store.entries().map(([id, value]) => [id, shown(value)]), archives };
}

class Cycle {
  #command;
  #Store;
  #stores = new Map();
  #background = [];

  constructor(command, Store) {
    this.#command = command;
    this.#Store = Store;
  }

  async run() {
    const { workload, seed, cycle } = this.#command;
    const { agents = [""], reader } = workloads[workload];
    const options = optionsOf(workload, seed);
    for (const who of agents) await this.#open(who, who === "" ? options : { ...options, agentId: who });
    if (reader) await this.#open("reader", { readOnly: true });
    for (const [place, step] of planCycle(workload, seed, cycle).entries()) {
      const store = this.#stores.get(step.kind === "tail" ? "reader" : step.who);
      if (store === undefined) continue;
      say("step", place);
      await this.#take(store, step);
    }
    await Promise.all(this.#background);
    for (const [who, store] of this.#stores) {
      if (who !== "reader")
        await this.#try("look", who, async () => say("state", who, await this.#look(store)));
    }
    for (const [who, store] of this.#stores) await this.#try("close", who, () => store.close());
  }

  #look(store) {
    return look(store, this.#command);
  }

  async #open(who, options) {
    const store = new this.#Store();
    say("opening", who);
    const opened = await this.#try("open", who, async () => {
      await store.open(this.#command.folder, options);
      return true;
    });
    if (opened !== true) return;
    this.#stores.set(who, store);
    await this.#try("look", who, async () => say("state", who, await this.#look(store)));
  }

  async #take(store, { kind, who, changes, ids, period }) {
    const change = ({ id, n }) => (n === null ? store.delete(id) : store.set(id, valueOf(n, this.#command)));
    const one = (place, work) => this.#try(kind, who, work, place);
    switch (kind) {
      case "set":
      case "delete":
        return one(0, () => change(changes[0]));
      case "together":
        return Promise.all(changes.map((made, place) => one(place, () => change(made))));
      case "batch":
        return one(0, () =>
          store.batch(() => {
            for (const made of changes) if (made.n !== null || store.has(made.id)) change(made);
          }),
        );
      case "archive":
        return one(0, () => store.archive((_, id) => ids.includes(id), period));
      case "compacting":
        this.#background.push(this.#try("compact", who, () => store.compact()));
        return undefined;
      case "pause":
        return delay(4);
      case "tail":
        return one(0, async () => {
          const operations = (await store.tail()).map(({ op, id, data }) => [op, id, data?.n ?? null]);
          say("tailed", operations, await this.#look(store));
        });
      default:
        return one(0, () => store[kind]());
    }
  }

  async #try(kind, who, work, place = 0) {
    try {
      const result = await work();
      say("done", kind, who, place, typeof result === "boolean" ? result : null);
      return result;
    } catch (error) {
      say("refused", kind, who, place, describe(error));
      return undefined;
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (!modules.has(command.module)) modules.set(command.module, await import(command.module));
  say("begun");
  await new Cycle(command, modules.get(command.module).Store).run();
  say("over");
}
