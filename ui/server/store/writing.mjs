/**
 * The two changes that the page can make, if it was started with --write. The store is open for writing for as long as one of
 * them takes: no lock is held in between.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Store } from "../../../index.mjs";
import { Refused } from "../requests/errors.mjs";

/** The agent in whose name the page writes into a folder of agents, if none was given. */
const AGENT = "ui";

export class Writing {
  #folder;
  #isAllowed;
  #agent;
  #last = Promise.resolve();

  constructor(folder, { isAllowed, agent }) {
    this.#folder = folder;
    this.#isAllowed = isAllowed;
    this.#agent = agent;
  }

  /** Makes a record what it was behind an operation. */
  restore({ id, position }) {
    return this.#using(async (store) => ({ changed: await store.revert({ to: position, ids: [id] }) }));
  }

  /** Writes a new snapshot and begins a new log. */
  compact(onProgress) {
    return this.#using(async (store) => {
      const operations = store.stats().opsCount;
      await store.compact({ onProgress });
      return { operations, records: store.stats().activeRecords };
    });
  }

  /** One after the other: the folder has one lock. */
  #using(work) {
    if (!this.#isAllowed) {
      throw new Refused(
        403,
        "This page is read-only. Start it with --write to change the store.",
        "OPSLOG_READ_ONLY",
      );
    }
    const done = this.#last.then(() => this.#open(work));
    this.#last = done.catch(() => {});
    return done;
  }

  async #open(work) {
    const store = new Store();
    const agentId = this.#agent ?? ((await this.#hasAgents()) ? AGENT : undefined);
    await store.open(this.#folder, { agentId, checkpointOnClose: false, checkpointThreshold: Infinity });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  async #hasAgents() {
    const text = await readFile(path.join(this.#folder, "manifest.json"), "utf8");
    return Object.keys(JSON.parse(text).activeAgentOps ?? {}).length > 0;
  }
}
