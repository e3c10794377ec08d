/**
 * A folder that changes hands: single writers and agents of several schema versions take turns in it, another hand appends
 * to its logs, it is put back from copies. The oracle is the list of what was acknowledged, in the order of the calls.
 */
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { recordOf } from "../../helpers/schema-versions.mjs";
import { Divergence, same } from "../compare.mjs";
import { foreignLine } from "./foreign.mjs";
import { Follower, keyOf } from "./follower.mjs";
import { putBack } from "./restoring.mjs";

const NEWER = "OPSLOG_NEWER_VERSION";
export const agents = ["a", "b", "c"];
const byId = ([one], [other]) => (one < other ? -1 : 1);

export class HandsWorld {
  /** What counts, in order: `{ ts, id, n, v, by }`; `n` is null for a deletion, `archived` for what an archive took. */
  trail = [];
  /** What was migrated from another version than it has. */
  violations = [];
  /** The writers whose logs have lines of another hand since the last compaction. */
  foreignLogs = new Set();
  single = null;
  agents = new Map();
  readers = new Map();
  /** The highest schema version that a writer has opened the folder with. */
  version = 1;
  #Store;
  #clock;
  #root;
  #copy = null;
  #numbers = 0;
  #foreign = 0;

  constructor({ Store, clock, root, facts }) {
    this.#Store = Store;
    this.#clock = clock;
    this.#root = root;
    this.facts = facts;
    this.folder = join(root, "folder");
    mkdirSync(this.folder);
  }

  get writers() {
    return [this.single, ...this.agents.values()].filter(Boolean);
  }

  get followers() {
    return [...this.writers, ...this.readers.values()];
  }

  get hasStore() {
    return existsSync(join(this.folder, "manifest.json"));
  }

  note(fact, happened = true) {
    if (happened) this.facts.note(fact);
  }

  beginStep() {
    this.#clock.tick();
  }

  /** Records by id as what was acknowledged made them: number and version. */
  records() {
    const records = new Map();
    for (const { id, n, v } of this.trail) {
      if (n === null) records.delete(id);
      else records.set(id, { n, v });
    }
    return records;
  }

  /** What a program of `version` must show. */
  shown(version) {
    return [...this.records()].map(([id, { n, v }]) => [id, recordOf(n, Math.max(v, version))]).sort(byId);
  }

  async #open(kind, name, { version, ...options }) {
    const program = version === null ? null : { version, violations: this.violations };
    const store = new this.#Store();
    const follower = new Follower({ store, kind, name, program, isBlind: options.skipLoad === true });
    await store.open(this.folder, { ...follower.options, ...options });
    const inLogs = await this.keysInLogs();
    follower.begin(this.trail, inLogs);
    return follower;
  }

  /** A program of a lower version must be refused; `null` is returned then. */
  async openWriter(kind, name, { version, ...options }) {
    const isLower = version < this.version;
    try {
      const writer = await this.#open(kind, name, {
        version,
        checkpointThreshold: 1_000_000,
        checkpointOnClose: false,
        ...options,
      });
      if (isLower) {
        await writer.store.close();
        throw new Divergence(`open() of ${name} with version ${version}`, "refused", "opened");
      }
      this.version = version;
      return writer;
    } catch (error) {
      if (error.code !== NEWER || !isLower) throw error;
      this.note("a program that is too old");
      return null;
    }
  }

  async openReader(name, options) {
    const reader = await this.#open("reader", name, { ...options, readOnly: true });
    this.readers.set(name, reader);
  }

  /** The operations that the logs hold by now. */
  async keysInLogs() {
    return this.look((reader) => new Set(reader.getOps().map(keyOf)));
  }

  /** What a fresh reader finds. */
  async look(show) {
    const reader = new this.#Store();
    await reader.open(this.folder, { readOnly: true });
    try {
      return show(reader);
    } finally {
      await reader.close();
    }
  }

  #entry(id, n, writer) {
    const v = writer.program.version;
    return { ts: this.#clock.iso(), id, n, v, by: writer.name };
  }

  /** The call of one change: sets, or deletes where `sets` is false. Notes it, should it be acknowledged. */
  #change(writer, id, sets, noted) {
    const entry = this.#entry(id, sets ? (this.#numbers += 1) : null, writer);
    noted.push(entry);
    return sets ? writer.store.set(id, recordOf(entry.n, entry.v)) : writer.store.delete(id);
  }

  #acknowledge(writer, entries) {
    this.trail.push(...entries);
    for (const entry of entries) writer.known.add(keyOf(entry));
  }

  /** Makes the changes in a batch, or one after the other within a turn; a foreign hand may come between those. */
  async write(writer, changes, { isBatch = false, isBeside = false }) {
    const there = this.records();
    // The clock stands within a step, as a call may look at it later than it was made.
    const deleted = new Set();
    const possible = changes.filter(({ id, sets }) => {
      if (sets) return there.set(id, true);
      // What loads nothing does not know that a record is there.
      return !writer.isBlind && !deleted.has(id) && deleted.add(id) && there.delete(id);
    });
    if (possible.length === 0) return;
    const noted = [];
    await this.#accepted(writer, async () => {
      if (isBatch) {
        await writer.store.batch(() => {
          for (const { id, sets } of possible) void this.#change(writer, id, sets, noted);
        });
      } else {
        const calls = possible.map(({ id, sets }) => {
          const call = this.#change(writer, id, sets, noted);
          // A line has the version of its log: what is older than the store has none that counts.
          if (isBeside && writer.program.version === this.version) this.append(writer);
          return call;
        });
        await Promise.all(calls);
      }
      this.#acknowledge(writer, noted);
    });
  }

  /** A writer that is older than the store by now is refused, and goes; none else is. */
  async #accepted(writer, call) {
    const isOutdated = writer.program.version < this.version;
    try {
      await call();
    } catch (error) {
      if (error.code !== NEWER || !isOutdated) throw error;
      this.note("a writer that another has overtaken");
      await this.close(writer);
      return;
    }
    if (isOutdated) throw new Divergence(`a write of ${writer.name}, an older program`, "refused", "done");
  }

  /** Another hand appends an equally long line to the log of the writer; that counts behind all that is there. */
  append(writer) {
    const manifest = JSON.parse(readFileSync(join(this.folder, "manifest.json"), "utf8"));
    this.#foreign += 1;
    const entry = this.#entry(`f${this.#foreign % 3}`, (this.#numbers += 1), writer);
    foreignLine({ folder: this.folder, manifest, writer, entry, number: this.#foreign });
    this.trail.push({ ...entry, by: "another hand" });
    this.foreignLogs.add(writer.name);
    // Of a line in the log that a compaction has just given it an agent is not told: it takes that for its own.
    if (writer.kind === "agent") writer.mayBeTold(entry);
    this.note(
      `a line of another hand in the log of ${writer.kind === "agent" ? "an agent" : "a single writer"}`,
    );
  }

  async undo(writer) {
    // Of another hand's lines it is not promised whether an agent's undo() takes them for its own.
    const hasForeignLines = this.foreignLogs.has(writer.name);
    if (writer.isBlind || (writer.kind === "agent" && hasForeignLines)) return;
    // What an agent reads by its places while another hand has displaced lines is an error until it looks.
    if (this.#foreign > 0) await this.follow(writer);
    const own = writer.store
      .getOps()
      .filter(({ agent }) => writer.kind === "single" || agent === writer.name);
    await this.#accepted(writer, async () => {
      if (!(await writer.store.undo())) return;
      const undone = keyOf(own.at(-1));
      this.trail = this.trail.filter((entry) => keyOf(entry) !== undone);
      this.note("an undo");
    });
  }

  async compact(writer) {
    if (writer.isBlind) return;
    await this.#accepted(writer, async () => {
      await writer.store.compact();
      this.foreignLogs.clear();
    });
  }

  async archive(writer, chosen) {
    if (writer.isBlind || !this.records().has(chosen)) return;
    // Lines of another hand that it has not seen yet are not there for it.
    await this.follow(writer);
    await this.#accepted(writer, async () => {
      const taken = [];
      await writer.store.archive((_, id) => id === chosen && taken.push(id) > 0, "2026-Q1");
      this.#clock.tick();
      for (const id of new Set(taken))
        this.trail.push({ ts: this.#clock.iso(), id, n: null, archived: true });
      if (taken.length > 0) this.foreignLogs.clear();
    });
  }

  async close(follower) {
    await follower.store.close();
    if (this.single === follower) this.single = null;
    for (const map of [this.agents, this.readers]) {
      if (map.get(follower.name) === follower) map.delete(follower.name);
    }
  }

  /** Lets a follower look, and compares what it is told and shows with what was acknowledged. */
  async follow(follower) {
    const told = await follower.store.tail();
    const inLogs = await this.keysInLogs();
    follower.hear(told, this.trail, inLogs);
    this.note("an operation that was told", told.length > 0);
    this.note(
      "an operation that was told to a store that loads nothing",
      told.length > 0 && follower.isBlind,
    );
    await this.compare(follower);
  }

  async compare(follower) {
    if (follower.isBlind) return;
    const shown = follower.store.entries().sort(byId);
    if (follower.program) {
      // A writer of a newer version migrates the store when it opens it.
      const expected = this.shown(Math.max(follower.program.version, this.version));
      if (!same(expected, shown, { keyOrder: false }))
        throw new Divergence(`what ${follower.name} shows`, expected, shown);
    } else {
      const fresh = (await this.look((reader) => reader.entries())).sort(byId);
      if (!same(fresh, shown, { keyOrder: false }))
        throw new Divergence(`what ${follower.name} shows`, fresh, shown);
      const numbers = (entries) => entries.map(([id, { n }]) => [id, n]);
      if (!same(numbers(this.shown(1)), numbers(fresh)))
        throw new Divergence("what a fresh reader shows", numbers(this.shown(1)), numbers(fresh));
    }
    if (this.violations.length > 0) throw new Divergence("migrated", [], this.violations);
  }

  takeCopy() {
    if (!this.hasStore) return;
    const folder = join(this.#root, `copy-${(this.#numbers += 1)}`);
    cpSync(this.folder, folder, { recursive: true, filter: (path) => !path.endsWith(".lock") });
    const { trail, version, foreignLogs } = this;
    this.#copy = { folder, trail: [...trail], version, foreignLogs: new Set(foreignLogs) };
  }

  /** Puts the folder back as it was copied, beneath its readers. */
  async putBack(how) {
    if (!this.#copy || this.writers.length > 0) return;
    const { folder, trail, version, foreignLogs } = this.#copy;
    const missing = (of, from) => {
      const keys = new Set(from.map(keyOf));
      return of.filter((entry) => !keys.has(keyOf(entry))).map(keyOf);
    };
    // What was undone comes back, and is told again to those who saw it go.
    const unclear = missing(trail, this.trail);
    if (how.keepsOthers) unclear.push(...missing(this.trail, trail));
    putBack(folder, this.folder, how);
    this.trail = [...trail];
    this.version = version;
    this.foreignLogs = new Set(foreignLogs);
    for (const follower of this.followers) follower.putBack(unclear);
    this.note("a folder that was put back under a reader", this.readers.size > 0);
  }

  /** Every follower that is open looks, and a reader that comes now. */
  async end() {
    if (!this.hasStore) return;
    for (const follower of this.followers) await this.follow(follower);
    await this.openReader("the last", { version: this.version });
    await this.follow(this.readers.get("the last"));
  }

  async leave() {
    for (const { store } of this.followers) await store.close().catch(() => {});
  }
}
