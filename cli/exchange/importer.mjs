/** Writes records to a store, in batches. */
import { Ended } from "../ended.mjs";
import { count } from "../terminal/numbers.mjs";
import { NoRecord } from "./formats.mjs";

/** Records that are written together, and how long their lines may be altogether. */
const BATCH = 1000;
const BATCH_BYTES = 1 << 22;
/**
 * So many records at least are held as operations of the log, and an eighth of those imported: then they go to a
 * snapshot, and memory is free for more. With a fixed number a large import would write the whole store too often.
 */
const COMPACT_EVERY = 100_000;
const COMPACT_SHARE = 8;

/** A line of the input is not what it must be, or the store does not take it. */
class BadLine extends Error {
  constructor(name, number, what, imported) {
    super(
      `${name}, line ${number}: ${what}. ${count(imported, "record")} before it ${imported === 1 ? "was" : "were"} imported.`,
    );
    this.code = "BAD_LINE";
  }
}

export class Importer {
  #store;
  #name;
  #decide;
  #tell;
  #batch = [];
  #bytes = 0;
  #compactAt = COMPACT_EVERY;
  imported = 0;
  skipped = 0;

  /** `decide` is the rule for records that are there; `tell` is called when some have been written. */
  constructor(store, { name, decide, tell }) {
    this.#store = store;
    this.#name = name;
    this.#decide = decide;
    this.#tell = tell;
  }

  /** Writes all records until `signal` ends it. What stands before a bad line is kept. */
  async take(records, signal) {
    try {
      for await (const record of records) {
        this.#batch.push(record);
        this.#bytes += record.bytes;
        if (this.#batch.length >= BATCH || this.#bytes >= BATCH_BYTES) await this.#write(signal);
        if (signal.aborted) break;
      }
    } catch (error) {
      if (!signal.aborted || error.name !== "AbortError") {
        await this.#write(signal);
        throw error instanceof NoRecord
          ? new BadLine(this.#name, error.line, error.message, this.imported)
          : error;
      }
    }
    await this.#write(signal);
    if (signal.aborted) throw new Ended(`ended after importing ${count(this.imported, "record")}`);
  }

  async #write(signal) {
    if (this.#batch.length === 0) return;
    const records = this.#batch;
    [this.#bytes, this.#batch] = [0, []];
    let at = records.length;
    let skipped = 0;
    const set = (target) => {
      for (at = 0; at < records.length; at++) {
        const { id, data } = records[at];
        const there = this.#decide === undefined ? undefined : target.get(id);
        if (there !== undefined && !this.#decide(id, data, there)) skipped++;
        else target.set(id, data);
      }
    };
    try {
      if (this.#decide === undefined) await this.#store.batch(() => set(this.#store));
      else await this.#store.transaction(set);
    } catch (error) {
      // What failed otherwise failed for all of them.
      if (at === records.length) throw error;
      this.#batch = records.slice(0, at);
      await this.#write(signal);
      const { line } = records[at];
      const what =
        error.code === undefined ? error.message : `the store refuses this record (${error.message})`;
      throw new BadLine(this.#name, line, what, this.imported);
    }
    this.imported += records.length - skipped;
    this.skipped += skipped;
    this.#tell();
    if (this.imported < this.#compactAt || signal.aborted) return;
    this.#compactAt = this.imported + Math.max(COMPACT_EVERY, this.imported / COMPACT_SHARE);
    await this.#store.compact();
  }
}
