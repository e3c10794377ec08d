/**
 * Records that tell which schema version they have, and random schedules of stores of several versions on one place. A
 * record of version v holds `n * 100 ** (v - 1)` cents, so one that was migrated twice, or not at all, shows.
 */
import { Store } from "../../index.mjs";

/** Record number `n` as a program of version `v` writes it. */
export const recordOf = (n, v) => ({ n, v, cents: n * 100 ** (v - 1) });

/** The options of a program of a version; what is migrated from another version than it has is a violation. */
export function programOf(version, violations = []) {
  const migrate = (record, from) => {
    if (record.v !== from)
      violations.push(`${JSON.stringify(record)} is migrated from ${from} to ${version}`);
    return { ...record, v: version, cents: record.cents * 100 ** (version - from) };
  };
  return { version, migrate };
}

/** Numbers from a seed (mulberry32). */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  below(limit) {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick(list) {
    return list[this.below(list.length)];
  }
}

const NAMES = ["a", "b", "c", "d"];
const NEWER = "OPSLOG_NEWER_VERSION";

/** A store in a schedule: a program of a version, or one that gives none (`version` is `null` then). */
class Actor {
  store = null;
  version = null;
  /** Its calls that `undo()` may take back, newest last: id, and the number before. */
  undoable = [];

  constructor(name, isReader) {
    this.name = name;
    this.isReader = isReader;
  }
}

/**
 * One schedule. `place(actor)` returns the folder and the options that say where an actor's store is; `violations` holds what
 * was seen that must not be.
 */
export class Schedule {
  violations = [];
  counts = { migrated: 0, refused: 0, checks: 0, undone: 0, archived: 0, compacted: 0, calls: 0 };
  #place;
  #random;
  #actors;
  /** Number by id, of all records that must be there. */
  #records = new Map();
  #numbers = 0;
  /** The highest version that a writer gave, and the highest of those that have opened the store. */
  #version = 1;
  #opened = 1;
  #log = [];

  constructor(seed, place, { agents = 3 } = {}) {
    this.#random = new Random(seed);
    this.#place = place;
    const writers = NAMES.slice(0, agents).map((name) => new Actor(name, false));
    this.#actors = [...writers, new Actor("r", true), new Actor("p", true)];
  }

  get log() {
    return this.#log.join("\n");
  }

  async run(steps) {
    try {
      await this.#open(this.#actors[0]);
      for (let step = 0; step < steps && this.violations.length === 0; step++) await this.#step();
      await this.#check();
    } finally {
      for (const { store } of this.#actors) await store?.close().catch(() => {});
    }
    return this.violations;
  }

  async #step() {
    const random = this.#random;
    const choice = random.below(20);
    if (choice === 0) return this.#check();
    if (choice > 13) {
      // Calls of several stores at once: each agent has records of its own.
      const chosen = this.#actors.filter(() => random.below(3) === 0);
      await Promise.all(chosen.map((actor) => this.#act(actor)));
      return undefined;
    }
    return this.#act(random.pick(this.#actors));
  }

  async #act(actor) {
    if (actor.store === null) return this.#open(actor);
    const random = this.#random;
    const choice = random.below(24);
    if (choice < 2) return this.#close(actor);
    if (choice < 5) return this.#look(actor);
    if (actor.isReader) return this.#look(actor);
    if (choice < 12) return this.#set(actor);
    if (choice < 14) return this.#batch(actor);
    if (choice < 16) return this.#delete(actor);
    if (choice < 19) return this.#undo(actor);
    if (choice < 20) return this.#archive(actor);
    return this.#compact(actor);
  }

  /** Tells a call, and what became of it. One that is refused for its version must be of a lower one. */
  async #told(actor, what, call) {
    const at = this.#log.push(`${actor.name}(${actor.version}) ${what}`) - 1;
    this.counts.calls++;
    try {
      const result = await call();
      this.#log[at] += ` -> ${JSON.stringify(result)}`;
      return { result };
    } catch (error) {
      this.#log[at] += ` -> ${error.code} ${error.message}`;
      if (error.code !== NEWER) this.violations.push(`${this.#log[at]}: ${error.stack}`);
      else if (!(actor.version < this.#version))
        this.violations.push(`${this.#log[at]}, though it is the newest`);
      this.counts.refused++;
      return { error };
    }
  }

  async #open(actor) {
    const random = this.#random;
    const isPlain = actor.name === "p";
    actor.version = isPlain ? null : this.#version + (random.below(3) === 0 ? 1 : 0);
    if (!isPlain && random.below(4) === 0) actor.version = 1 + random.below(this.#version);
    const before = this.#opened;
    const isLower = !actor.isReader && actor.version < before;
    if (!actor.isReader) this.#version = Math.max(this.#version, actor.version);
    const store = new Store();
    const { folder, options } = this.#place(actor);
    const program = isPlain ? {} : programOf(actor.version, this.violations);
    const modes = { readOnly: actor.isReader, checkpointOnClose: random.below(2) === 0 };
    const { error } = await this.#told(actor, "open", () =>
      store.open(folder, { ...options, ...program, ...modes }).then(() => true),
    );
    if (isLower && error?.code !== NEWER)
      this.violations.push(`a writer of ${actor.version} opens a store of ${before}`);
    if (error !== undefined) return;
    actor.store = store;
    actor.undoable = [];
    if (actor.isReader) return;
    if (actor.version > before) this.counts.migrated++;
    this.#opened = Math.max(this.#opened, actor.version);
  }

  async #close(actor) {
    const { store } = actor;
    actor.store = null;
    await this.#told(actor, "close", () => store.close());
  }

  async #look(actor) {
    const isTail = this.#random.below(2) === 0;
    await this.#told(actor, isTail ? "tail" : "refresh", async () => {
      if (isTail) return (await actor.store.tail()).length;
      return actor.store.refresh();
    });
  }

  #ownId(actor) {
    return `${actor.name}${this.#random.below(4)}`;
  }

  async #set(actor) {
    const id = this.#ownId(actor);
    const n = ++this.#numbers;
    const { error } = await this.#told(actor, `set ${id} ${n}`, () =>
      actor.store.set(id, recordOf(n, actor.version)),
    );
    if (error === undefined) this.#changed(actor, id, n);
  }

  async #delete(actor) {
    const id = this.#ownId(actor);
    if (!this.#records.has(id)) return;
    const { error } = await this.#told(actor, `delete ${id}`, () => actor.store.delete(id));
    if (error === undefined) this.#changed(actor, id, undefined);
  }

  async #batch(actor) {
    const changes = [0, 1, 2].map(() => [this.#ownId(actor), ++this.#numbers]);
    const { error } = await this.#told(actor, `batch ${changes}`, () =>
      actor.store.batch(() => {
        for (const [id, n] of changes) actor.store.set(id, recordOf(n, actor.version));
      }),
    );
    if (error === undefined) for (const [id, n] of changes) this.#changed(actor, id, n);
  }

  #changed(actor, id, n) {
    actor.undoable.push([id, this.#records.get(id)]);
    if (n === undefined) this.#records.delete(id);
    else this.#records.set(id, n);
  }

  async #undo(actor) {
    if (actor.undoable.length === 0) return;
    const { result } = await this.#told(actor, "undo", () => actor.store.undo());
    if (result !== true) return;
    this.counts.undone++;
    const [id, n] = actor.undoable.pop();
    if (n === undefined) this.#records.delete(id);
    else this.#records.set(id, n);
  }

  async #compact(actor) {
    const { error } = await this.#told(actor, "compact", () => actor.store.compact());
    if (error === undefined) this.counts.compacted++;
  }

  async #archive(actor) {
    const id = this.#ownId(actor);
    const { result } = await this.#told(actor, `archive ${id}`, () =>
      actor.store.archive((_, found) => found === id),
    );
    if (result > 0) {
      this.counts.archived++;
      this.#records.delete(id);
      actor.undoable = [];
    }
  }

  /** Every store shows every record, in the version that its program knows. */
  async #check() {
    this.counts.checks++;
    for (const actor of this.#actors) {
      if (actor.store === null) continue;
      await this.#told(actor, "look", () => actor.store.refresh());
      this.#compare(actor.name, actor.store, Math.max(actor.version ?? 1, this.#version));
    }
  }

  #compare(name, store, version) {
    const shown = store.entries().map(([id, record]) => [id, JSON.stringify(record)]);
    const expected = [...this.#records].map(([id, n]) => [id, JSON.stringify(recordOf(n, version))]);
    const sorted = (entries) => JSON.stringify(entries.sort());
    if (sorted(shown) === sorted(expected)) return;
    const [there, missing] = [shown, expected].map((entries, n) => {
      const others = new Map([expected, shown][n]);
      return entries.filter(([id, text]) => others.get(id) !== text);
    });
    this.#log.push(
      `${name} of version ${version} shows ${JSON.stringify(there)}, not ${JSON.stringify(missing)}`,
    );
    this.violations.push(this.#log.at(-1));
  }
}
