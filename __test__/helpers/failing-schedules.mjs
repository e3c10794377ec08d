/**
 * Random schedules of calls against a store whose backend fails now and then before it does anything: which calls
 * succeeded decides what must be there. What failed must have changed nothing, and must have taken nothing else along.
 */
import { setTimeout as delay } from "node:timers/promises";
import { FsBackend, Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "./memory-backend.mjs";

const FAILURE = "ECONNRESET";
const IDS = ["a", "b", "c", "d", "e"];

/** A random number generator that a seed repeats. */
export function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lets calls fail, and lets each take a few turns of the event loop. */
class Weather {
  isCalm = true;

  constructor(random, failing) {
    Object.assign(this, { random, failing });
  }

  async meet(method) {
    if (this.isCalm) return;
    for (let turns = Math.floor(this.random() * 3); turns > 0; turns--) await delay(0);
    if (this.random() < (this.failing[method] ?? 0)) {
      throw Object.assign(new Error(`${method} failed`), { code: FAILURE });
    }
  }
}

const FAILING = {
  appendOps: 0.25,
  writeSnapshot: 0.1,
  writeManifest: 0.1,
  writeManifestIf: 0.1,
  truncateLastOp: 0.2,
};

class FlakyFolder extends FsBackend {
  constructor(weather) {
    super();
    this.weather = weather;
  }
}
for (const method of Object.keys(FAILING)) {
  if (!(method in FsBackend.prototype)) continue;
  FlakyFolder.prototype[method] = async function (...args) {
    await this.weather.meet(method);
    return FsBackend.prototype[method].apply(this, args);
  };
}

/** Where the bytes go: a maker of backends that all reach the same place. */
export const carriers = {
  "a folder": () => (weather) => new FlakyFolder(weather),
  "a bucket": () => inBucket(memoryBucket(), {}),
  "a bucket with conditional writes": () => inBucket(memoryBucket(), { conditional: true }),
  "a bucket that hands over lines": () => inBucket(memoryBucket(), { conditional: true, lines: true }),
};

function inBucket(bucket, abilities) {
  return (weather) =>
    Object.assign(memoryBackend(bucket, abilities), {
      before: (name) => weather.meet(name),
    });
}

/**
 * What must be there, by the calls that succeeded, in the order in which they were made. Among agents, what failed
 * may count all the same: its first copy may have reached a log that was sealed meanwhile. So may a call that says that what
 * became of it is not known, until a reader shows it.
 */
class Oracle {
  records = new Map();
  faults = [];
  #done = [];
  #calls = [];
  /** For each record, as JSON texts, the values that it may have instead. */
  #open = new Map();
  #isExact;
  #isSure = true;

  constructor(isExact) {
    this.#isExact = isExact;
  }

  /** Notes a call: `happened(result)` is what it does if it succeeds, `failed()` if it does not. */
  note(promise, happened, failed = () => {}) {
    const call = { happened, failed };
    this.#calls.push(call);
    call.settled = promise.then(
      (result) => Object.assign(call, { hasSucceeded: true, result }),
      (error) => Object.assign(call, { error }),
    );
  }

  /** Waits for the calls that were made. */
  async settle() {
    const calls = this.#calls.splice(0);
    await Promise.all(calls.map(({ settled }) => settled));
    for (const { hasSucceeded, result, error, happened, failed } of calls) {
      if (error?.code === "OPSLOG_FAILED") this.#isSure = false;
      if (hasSucceeded) happened(result);
      else if (error.code === FAILURE || error.code === "OPSLOG_FAILED") failed();
      else if (!["OPSLOG_NOT_FOUND", "OPSLOG_LOCKED"].includes(error.code)) this.faults.push(error);
    }
  }

  set(id, value) {
    this.#done.push([id, this.records.get(id), this.#open.get(id)]);
    this.#open.delete(id);
    if (value === undefined) this.records.delete(id);
    else this.records.set(id, value);
  }

  delete(id) {
    const isThere = this.records.has(id) || this.#open.has(id);
    if (!isThere) this.faults.push(new Error(`delete("${id}") succeeded, and there was none`));
    this.set(id, undefined);
  }

  /** The record may have this value instead. */
  mayBe(id, value) {
    if (this.#isExact && this.#isSure) return;
    const values = this.#open.get(id) ?? new Set();
    this.#open.set(id, values.add(JSON.stringify(value)));
  }

  /** Of an undo it is not known what it did. */
  mayBeUndone() {
    const [id, before] = this.#done.at(-1) ?? [];
    if (id !== undefined) this.mayBe(id, before);
  }

  undo() {
    const [id, before, open] = this.#done.pop() ?? [];
    if (id === undefined) {
      if (this.#isExact && this.#isSure)
        this.faults.push(new Error("undo() succeeded, and there was nothing to undo"));
      return;
    }
    // Among agents it may have been one that failed, and counts all the same.
    const now = this.records.get(id);
    if (before === undefined) this.records.delete(id);
    else this.records.set(id, before);
    this.mayBe(id, now);
    for (const text of open ?? []) this.#open.get(id).add(text);
  }

  /** What is wrong with some entries; with `learn`, they are what is there from now on. */
  compare(entries, what, { learn = false } = {}) {
    const found = new Map(entries);
    const faults = [];
    for (const id of new Set([...found.keys(), ...this.records.keys(), ...this.#open.keys()])) {
      const text = JSON.stringify(found.get(id));
      const written = JSON.stringify(this.records.get(id));
      const isAllowed = text === written || this.#open.get(id)?.has(text);
      if (!isAllowed) faults.push(`${what}: "${id}" is ${text}, and ${written} was written`);
    }
    if (learn) {
      this.records = found;
      this.#isSure = true;
      this.#open.clear();
    }
    return faults;
  }
}

/** One writer: a store, what must be in it, and calls at random. */
class Writer {
  #n = 0;

  constructor(random, makeBackend, folder, options) {
    Object.assign(this, { random, folder, options });
    this.weather = new Weather(random, FAILING);
    this.oracle = new Oracle(options.agentId === undefined);
    this.open = async () => {
      this.weather.isCalm = true;
      this.store = new Store();
      await this.store.open(folder, { ...options, backend: makeBackend(this.weather) });
    };
  }

  /** Its own among these entries: each agent writes records of its own. */
  own(entries) {
    return entries.filter(([id]) => id.startsWith(this.options.agentId ?? ""));
  }

  #id() {
    return `${this.options.agentId ?? ""}${IDS[Math.floor(this.random() * IDS.length)]}`;
  }

  /** Makes a call and does not wait for it. */
  call() {
    const { store, oracle, random } = this;
    const dice = random();
    const id = this.#id();
    const value = { n: ++this.#n, same: "same".repeat(5) };
    if (dice < 0.6) return this.#change(store.set(id, value), [id], value);
    if (dice < 0.72) {
      return oracle.note(
        store.delete(id),
        () => oracle.delete(id),
        () => oracle.mayBe(id, undefined),
      );
    }
    if (dice < 0.8) {
      const ids = [id, this.#id(), this.#id()];
      return this.#change(
        store.batch(() => ids.forEach((each) => store.set(each, value))),
        ids,
        value,
      );
    }
    if (dice < 0.88) {
      return oracle.note(
        store.undo(),
        (isUndone) => isUndone && oracle.undo(),
        () => oracle.mayBeUndone(),
      );
    }
    if (dice < 0.92) return oracle.note(store.flush(), () => {});
    if (dice < 0.96) return oracle.note(store.compact(), () => {});
    if (dice < 0.98) return oracle.note(store.refresh(), () => {});
    return oracle.note(store.tail(), () => {});
  }

  #change(promise, ids, value) {
    const { oracle } = this;
    oracle.note(
      promise,
      () => ids.forEach((id) => oracle.set(id, value)),
      () => ids.forEach((id) => oracle.mayBe(id, value)),
    );
  }

  /** Makes calls at once, and waits for them. */
  async burst() {
    this.weather.isCalm = false;
    for (let calls = 1 + Math.floor(this.random() * 8); calls > 0; calls--) {
      this.call();
      if (this.random() < 0.2) await null;
    }
    await this.oracle.settle();
  }

  /** Checkpoints that are still under way are over. */
  async rest() {
    this.weather.isCalm = true;
    await this.store.flush();
  }
}

/** Whether what can be asked of a store agrees with its entries. */
function contradictions(store, what) {
  const entries = store.entries();
  const faults = [];
  const check = (name, found, wanted) => {
    const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
    if (left !== right) faults.push(`${what}: ${name} is ${left}, where entries() say ${right}`);
  };
  check("count()", store.count(), entries.length);
  check("stats()", store.stats().activeRecords, entries.length);
  check("ids", [...new Set(entries.map(([id]) => id))].length, entries.length);
  for (const [id, value] of entries) check(`get("${id}")`, store.get(id), value);
  check("opsCount", store.stats().opsCount, store.getOps().length);
  return faults;
}

/**
 * Runs bursts of calls by one writer, or by several agents at once. Returns what is wrong with what the writers
 * show, or with what a store that is opened afterwards shows.
 */
export async function runSchedule({ seed, carrier, folder, bursts, writeMode, agents = [undefined] }) {
  const random = generator(seed);
  const makeBackend = carriers[carrier]();
  const pick = (...from) => from[Math.floor(random() * from.length)];
  const writers = [];
  for (const agentId of agents) {
    const checkpoints = { checkpointThreshold: pick(1, 3, 7, Infinity), checkpointOnClose: random() < 0.5 };
    const buffer = { writeMode, groupCommitSize: pick(2, 3, 5), groupCommitMs: pick(1, 1000) };
    const mode = agentId === undefined ? buffer : { agentId };
    const writer = new Writer(random, makeBackend, folder, { ...checkpoints, ...mode });
    await writer.open();
    writers.push(writer);
  }
  const faults = [];
  for (let round = 0; round < bursts && faults.length === 0; round++) {
    await Promise.all(writers.map((writer) => writer.burst()));
    for (const { oracle, store } of writers) {
      faults.push(...oracle.faults.map((error) => error.stack));
      faults.push(...contradictions(store, `burst ${round}`));
    }
    for (const writer of writers) {
      faults.push(...writer.oracle.compare(writer.own(writer.store.entries()), `burst ${round}`));
    }
    const isLast = round === bursts - 1;
    if (faults.length > 0 || (random() > 0.2 && !isLast)) continue;
    for (const writer of writers) await writer.rest();
    const stored = await storedEntries(folder, makeBackend);
    for (const writer of writers) {
      const { oracle, store } = writer;
      faults.push(...oracle.compare(writer.own(stored), `burst ${round}, a reader`, { learn: true }));
      if (agents.length > 1) await store.refresh();
      faults.push(...oracle.compare(writer.own(store.entries()), `burst ${round}, at rest`));
      faults.push(...contradictions(store, `burst ${round}, at rest`));
    }
    const closing = isLast ? writers : [pick(...writers)];
    for (const { store } of closing) await store.close();
    for (const writer of closing) {
      await writer.open();
      faults.push(
        ...writer.oracle.compare(writer.own(writer.store.entries()), `burst ${round}, opened again`),
      );
    }
  }
  for (const { weather, store } of writers) {
    weather.isCalm = true;
    await store.close();
  }
  return faults;
}

async function storedEntries(folder, makeBackend) {
  const reader = new Store();
  await reader.open(folder, { readOnly: true, backend: makeBackend({ meet() {} }) });
  const entries = reader.entries();
  await reader.close();
  return entries;
}
