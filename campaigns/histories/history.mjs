/** One random history of a store, with a Map as its model: every state is kept, and at() is asked for many of them. */
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { FsBackend, Store } from "../../index.mjs";
import { activeWal } from "../../__test__/helpers/store-folder.mjs";
import { memoryBackend, memoryBucket } from "../../__test__/helpers/memory-backend.mjs";
import { random } from "../soak-feed/random.mjs";

const MOST_AGENTS = 3;
const IDS = 8;

/** What `migrate` makes of a value: it can be told from one that was not migrated, and how often it was. */
const migrated = (value, version) => ({ ...value, version, times: (value.times ?? 0) + 1 });

class Subclass extends FsBackend {}

/** Where a store is kept: each makes the options of `open()` that are its own. */
const carriers = {
  folder: () => () => ({}),
  backend: () => () => ({ backend: new Subclass() }),
  bucket() {
    const bucket = memoryBucket();
    return () => ({ backend: memoryBackend(bucket, { conditional: true, deletes: true, turn: null }) });
  },
};

export const carrierNames = Object.keys(carriers);

/** The store's clock: no two operations have one time. */
class Clock {
  now = Date.UTC(2026, 0, 1);

  /** Lets time pass, and returns the time before. */
  pass(ms) {
    this.now += ms;
    return this.now;
  }
}

export class History {
  #roll;
  #clock = new Clock();
  #folder;
  #stores = new Map();
  #readers = [];
  /** A reader that stays open and has shown its records, so that it must tell their order after each look. */
  #follower = null;
  #version = 1;
  #isShared;
  #isFolder;
  #carried;
  /** The operations that count, each with its position, its time, and the records that an archive took out right behind it. */
  #log = [];
  #number = 0;
  #isPruned = false;
  /** An operation that stood before an agent's was undone, and others' behind it were not: then that place may be gone. */
  #hasUndoneAmongOthers = false;
  /** Records of which an agent has undone an operation behind which another one had written. */
  #doubtful = new Set();
  counts = { steps: 0, looks: 0, gone: 0, migrations: 0, agents: 0, pruned: 0, foreign: 0 };

  constructor(seed, carrier = "folder") {
    this.#roll = random(seed);
    this.#isShared = this.#roll(3) === 0;
    this.#isFolder = carrier === "folder";
    this.#carried = carriers[carrier]();
  }

  async #prune(store) {
    const { files } = await store.prune(this.#roll(2) === 0 ? {} : { keepBytes: this.#roll(5000) });
    this.counts.pruned += files;
    this.#isPruned ||= files > 0;
  }

  /** Carries the history out; throws where a view differs from the model. */
  async run(steps) {
    const realNow = Date.now;
    // Names of files behind a backend wait for the clock.
    Date.now = () => (this.#isFolder ? this.#clock.now : this.#clock.pass(1));
    this.#folder = await mkdtemp(join(tmpdir(), "opslog-history-"));
    try {
      await this.#reopen();
      for (let step = 0; step < steps; step++) {
        this.counts.steps++;
        await this.#step();
        if (this.#roll(6) === 0) await this.#look(2);
        if (step % 4 === 3) await this.#compareFollower();
      }
      await this.#look(6);
      await this.#compareDirections();
      await this.#reopen();
      await this.#look(6);
      await this.#compareDirections();
    } finally {
      await this.#follower?.close().catch(() => {});
      for (const store of [...this.#stores.values(), ...this.#readers]) await store.close().catch(() => {});
      Date.now = realNow;
      await rm(this.#folder, { recursive: true, force: true });
    }
    return this.counts;
  }

  async #step() {
    this.#clock.pass(1 + this.#roll(50));
    const store = await this.#writer();
    const choice = this.#roll(108);
    if (choice < 45) return this.#change(store);
    if (choice < 60) return this.#batch(store);
    if (choice < 72) return this.#undo(store, choice < 66);
    if (choice < 77) return store.compact();
    if (choice < 82) return this.#lookBesideCheckpoint(store);
    if (choice < 88) return this.#archive(store);
    // Transactions of agents are refused behind a backend.
    if (choice < 92) return this.#isFolder || !this.#isShared ? this.#revert(store) : undefined;
    if (choice < 97) return this.#reopen();
    if (choice < 100) return this.#migrate();
    if (choice < 103) return this.#prune(store);
    if (this.#isFolder && !this.#isShared) return this.#foreign(store);
  }

  /** Looks while a checkpoint is made, which carries an operation to the next log. */
  async #lookBesideCheckpoint(store) {
    const checkpoint = store.compact();
    try {
      await this.#change(store);
      await this.#look(3);
    } finally {
      await checkpoint;
    }
  }

  /** Another process appends records of its own to the single writer's log. */
  async #foreign(store) {
    const changes = Array.from({ length: 1 + this.#roll(3) }, () => ({
      id: `foreign${this.#number}`,
      value: this.#value(),
    }));
    const ts = new Date(this.#clock.now).toISOString();
    // As in a line that was copied from a log of another store.
    const after = this.#roll(4) === 0 ? "ops/ops-1.jsonl:1" : undefined;
    const lines = changes.map(({ id, value }) => ({ ts, op: "set", id, prev: null, data: value, after }));
    // Of a batch that a crash has cut the first lines are there, and 0.8.1 has gone on behind them.
    if (this.#roll(3) === 0) for (const line of lines.slice(0, -1)) line.batch = "more";
    const before = ["", "", "  ", "\r\n", "not an operation\n"][this.#roll(5)];
    const text = before + lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    await appendFile(await activeWal(this.#folder), text);
    await store.tail();
    this.#logged(store, changes);
    // Each line is an operation of its own, or one of a batch that ends before the last line.
    this.#log.at(-1).size = 1;
    this.counts.foreign++;
    if (this.#roll(2) === 0) await store.compact();
  }

  /** A store to write with, which knows what the others wrote. */
  async #writer() {
    const all = [...this.#stores.values()];
    const store = all[this.#roll(all.length)];
    if (this.#isShared) await store.refresh();
    return store;
  }

  #value() {
    const value = { n: ++this.#number, text: "long enough to make a delta pay off ".repeat(this.#roll(3)) };
    return this.#version === 1 ? value : { ...value, version: this.#version };
  }

  async #change(store) {
    const id = `id${this.#roll(IDS)}`;
    if (this.#roll(3) === 0 && store.has(id)) {
      await store.delete(id);
      this.#logged(store, [{ id }]);
    } else {
      const value = this.#value();
      await store.set(id, value);
      this.#logged(store, [{ id, value }]);
    }
  }

  async #batch(store) {
    const changes = Array.from({ length: 2 + this.#roll(4) }, () => {
      const id = `id${this.#roll(IDS)}`;
      return { id, value: this.#value() };
    });
    await store.batch(() => {
      for (const { id, value } of changes) store.set(id, value);
    });
    this.#logged(store, changes);
  }

  /** Notes operations that are logged now, as one step: only the place behind the last of them is known. */
  #logged(store, changes) {
    const { position } = store;
    const writer = [...this.#stores.entries()].find(([, known]) => known === store)[0];
    for (const [at, change] of changes.entries())
      this.#log.push({
        ...change,
        position: at === changes.length - 1 ? position : null,
        time: this.#clock.now,
        version: this.#version,
        size: changes.length,
        writer,
        archived: [],
      });
  }

  async #undo(store, isBatch) {
    const writer = [...this.#stores.entries()].find(([, known]) => known === store)[0];
    const before = store.getOps();
    const own = (operation) => !this.#isShared || operation.agent === writer;
    const count = before.filter(own).length;
    if (!(await store.undo({ batch: isBatch }))) return;
    const undone = count - store.getOps().filter(own).length;
    const most = isBatch ? this.#log.findLast((entry) => !this.#isShared || entry.writer === writer).size : 1;
    if (undone < 1 || undone > most)
      throw new Error(`undo() took ${undone} operations back, not ${most} at most`);
    this.#hasUndoneAmongOthers ||= this.#isShared;
    for (let left = undone; left > 0; left--) {
      const place = this.#log.findLastIndex((entry) => !this.#isShared || entry.writer === writer);
      const [entry] = this.#log.splice(place, 1);
      if (this.#log.slice(place).some(({ id }) => id === entry.id)) this.#doubtful.add(entry.id);
      // The place behind what stood there is now that of the operation before, which is not known.
      this.#log[place - 1]?.archived.push(...entry.archived);
    }
  }

  async #archive(store) {
    const rest = this.#roll(3);
    const gone = store.filter(({ n }) => n % 3 === rest).map(({ n }) => n);
    const ids = store
      .entries()
      .filter(([, { n }]) => gone.includes(n))
      .map(([id]) => id);
    if (ids.length === 0) return;
    await store.archive(({ n }) => gone.includes(n), `p${this.#roll(3)}`);
    this.#log.at(-1)?.archived.push(...ids);
  }

  async #revert(store) {
    const places = this.#log.filter(({ position }) => position !== null);
    if (places.length === 0) return;
    const { position } = places[this.#roll(places.length)];
    const number = await store.revert({ to: position }).catch((error) => {
      if (error.code !== "OPSLOG_POSITION_GONE") throw error;
      return 0;
    });
    if (number === 0) return;
    const after = new Map(store.entries());
    // The order in which it changed them is its own.
    const ids = store
      .getOps()
      .slice(-number)
      .map(({ id }) => id);
    this.#logged(
      store,
      ids.map((id) => (after.has(id) ? { id, value: after.get(id) } : { id })),
    );
  }

  async #reopen() {
    if (this.#roll(2) === 0) await this.#endFollower();
    for (const store of [...this.#stores.values(), ...this.#readers.splice(0)]) await store.close();
    this.#stores.clear();
    this.#clock.pass(5);
    // A folder goes from a single writer to agents and back.
    if (this.#roll(5) === 0) this.#isShared = !this.#isShared;
    const names = this.#isShared
      ? Array.from({ length: 1 + this.#roll(MOST_AGENTS) }, (_, n) => `agent${n}`)
      : ["-"];
    for (const name of names) {
      const store = new Store();
      await store.open(this.#folder, {
        ...this.#carried(),
        ...(this.#isShared && { agentId: name }),
        // A checkpoint that begins by itself would end in the middle of an undo(): what that took back could not be told.
        checkpointThreshold: Infinity,
        checkpointOnClose: this.#roll(2) === 0,
        ...(!this.#isShared && this.#roll(3) === 0 && { retain: { undo: 1 + this.#roll(6) } }),
        ...this.#versioned(),
      });
      this.#stores.set(name, store);
    }
    if (this.#isShared) this.counts.agents++;
  }

  /** A reader that has just been opened, which the next reopening closes. */
  async #reader() {
    await this.#readers.pop()?.close();
    const reader = new Store();
    await reader.open(this.#folder, { ...this.#carried(), readOnly: true, ...this.#versioned() });
    this.#readers.push(reader);
    return reader;
  }

  /** A reader that follows has the records of one that is opened now, in the same order. */
  async #compareFollower() {
    const fresh = await this.#reader();
    if (this.#follower === null) {
      this.#readers.pop();
      this.#follower = fresh;
      fresh.entries();
      return;
    }
    await this.#follower.tail();
    const [found, wanted] = [this.#follower.entries(), fresh.entries()];
    if (!isDeepStrictEqual(found, wanted))
      throw new Error(`a follower has ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
  }

  async #endFollower() {
    await this.#follower?.close();
    this.#follower = null;
  }

  #versioned() {
    if (this.#version === 1) return {};
    return { version: this.#version, migrate: (value) => migrated(value, this.#version) };
  }

  async #migrate() {
    if (this.#version >= 3) return;
    this.#version++;
    this.counts.migrations++;
    // A reader of an older version cannot follow.
    await this.#endFollower();
    await this.#reopen();
  }

  /** The records behind the first operations, as they were logged. */
  #stateBehind(count) {
    const records = new Map();
    for (const { id, value, archived } of this.#log.slice(0, count)) {
      if (value === undefined) records.delete(id);
      else records.set(id, value);
      for (const gone of archived) records.delete(gone);
    }
    return records;
  }

  async #look(times) {
    const all = [...this.#stores.values()];
    for (let time = 0; time < times && this.#log.length > 0; time++) {
      const store = this.#roll(4) === 0 ? await this.#reader() : all[this.#roll(all.length)];
      const place = this.#roll(this.#log.length);
      const entry = this.#log[place];
      const isTime = this.#roll(2) === 0;
      if (!isTime && entry.position === null) continue;
      const behind = isTime ? this.#log.findLastIndex(({ time }) => time <= entry.time) + 1 : place + 1;
      let view;
      try {
        view = await store.at(isTime ? new Date(entry.time) : entry.position);
      } catch (error) {
        const isKept = !this.#isPruned && (isTime || !this.#hasUndoneAmongOthers);
        if (error.code !== "OPSLOG_POSITION_GONE" || isKept) throw error;
        this.counts.gone++;
        continue;
      }
      this.counts.looks++;
      // An archive right behind the place has not taken anything out yet, unless it came within the same millisecond.
      const wanted = [this.#stateBefore(behind), ...(isTime ? [this.#stateBehind(behind)] : [])];
      const found = new Map(view.entries());
      const isWhole = !this.#isPruned || this.#doubtful.size === 0;
      // What was undone under such a write is only told from older operations.
      if (!isWhole) for (const map of [found, ...wanted]) for (const id of this.#doubtful) map.delete(id);
      // Of an archive at the end of what was pruned nothing is known any more.
      const forgotten = this.#isPruned ? this.#log[behind - 1].archived : [];
      for (const map of [found, ...wanted]) for (const id of forgotten) map.delete(id);
      if (!wanted.some((records) => isAlike(found, records, this.#isFolder ? this.#version : undefined)))
        throw new Error(
          `at(${isTime ? new Date(entry.time).toISOString() : entry.position}) behind ${behind} of ${this.#log.length}: ` +
            `${JSON.stringify([...found])}, not ${wanted.map((one) => JSON.stringify([...one])).join(" or ")}`,
        );
      if (
        isWhole &&
        forgotten.length === 0 &&
        (view.count() !== found.size || [...view.keys()].length !== found.size)
      )
        throw new Error("counts differ");
      for (const [id, value] of found)
        if (JSON.stringify(view.get(id)) !== JSON.stringify(value) || !view.has(id))
          throw new Error(`get(${id}) differs`);
      view.close();
    }
  }

  /** The history in reverse, and that of each record, is what reading forward gives. */
  async #compareDirections() {
    const [store] = this.#stores.values();
    const forward = await collect(store.changes());
    const backward = (await collect(store.changes({ reverse: true }))).reverse();
    if (!isDeepStrictEqual(backward, forward))
      throw new Error(`in reverse: ${JSON.stringify(backward)}, not ${JSON.stringify(forward)}`);
    for (const id of new Set(forward.map((change) => change.id))) {
      const found = await collect(store.changes({ id }));
      const wanted = forward.filter((change) => change.id === id);
      if (!isDeepStrictEqual(found, wanted))
        throw new Error(`of ${id}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
    }
  }

  /** As `#stateBehind()`, before the archives that came right behind the last operation. */
  #stateBefore(count) {
    const last = this.#log[count - 1];
    const archived = last.archived;
    last.archived = [];
    const records = this.#stateBehind(count);
    last.archived = archived;
    return records;
  }
}

async function collect(changes) {
  const found = [];
  for await (const change of changes) found.push(change);
  return found;
}

/** Whether two states are the same, with each value migrated to the program's version: once for each older one at most. */
function isAlike(found, wanted, version) {
  if (found.size !== wanted.size) return false;
  for (const [id, value] of wanted) {
    const seen = found.get(id);
    if (seen === undefined || seen.n !== value.n || seen.text !== value.text) return false;
    // Behind a backend values are shown as they were logged.
    if (version === undefined) continue;
    const since = value.version ?? 1;
    const [least, most] = [
      (value.times ?? 0) + (since < version ? 1 : 0),
      (value.times ?? 0) + version - since,
    ];
    const times = seen.times ?? 0;
    if ((seen.version ?? 1) !== version || times < least || times > most) return false;
  }
  return true;
}
