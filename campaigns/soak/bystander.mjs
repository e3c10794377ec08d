/**
 * A reader that stays all along, in the process of the soak: it looks while the first agent makes the folder, and goes on
 * when the folder is put back, and when a single writer has it for a while.
 */
import { cpSync, renameSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { readManifest } from "./archives.mjs";
import { Hearing } from "./hearing.mjs";
import { singleId, singlePrefix } from "./names.mjs";
import { checkSame } from "./oracle.mjs";
import { microseconds } from "./telling.mjs";

const LOOK_EVERY_MS = 150;
const name = "the reader that stays";

export class Bystander {
  #Store;
  #folder;
  #tally;
  #random;
  #store = null;
  #hearing = new Hearing();
  #looking = null;
  #isOver = false;
  #numbers = 0;
  /** What it was told of the single writer. */
  #told = [];

  constructor(Store, folder, random, tally) {
    this.#Store = Store;
    this.#folder = folder;
    this.#random = random;
    this.#tally = tally;
  }

  start() {
    this.#looking = this.#look();
    this.#looking.catch((error) => this.#tally.note("reader", `${name} fails: ${error.stack}`));
  }

  async #look() {
    while (!this.#isOver && this.#store === null) await this.#open();
    while (!this.#isOver) {
      await this.#follow();
      await delay(LOOK_EVERY_MS);
    }
  }

  async #open() {
    const store = new this.#Store();
    try {
      await store.open(this.#folder, { readOnly: true });
      this.#store = store;
      this.#hearing.begin(microseconds());
    } catch (error) {
      if (error.code !== "OPSLOG_NO_STORE") throw error;
      await delay(1);
    }
  }

  async #follow() {
    const started = microseconds();
    const operations = await this.#store.tail();
    this.#hearing.looked(started);
    this.#hearing.heard(operations.map(({ data }) => data?.t));
    this.#told.push(...operations.filter(({ id }) => id.startsWith(singlePrefix)));
  }

  /** What it shows, by id. */
  async tokens() {
    await this.#follow();
    return new Map(this.#store.entries().map(([id, { t }]) => [id, t]));
  }

  /** All agents rest: it must show what they show, and have been told of all that they were told is done. */
  async compare(state, agents) {
    if (this.#store === null) return;
    checkSame(state, await this.tokens(), name, this.#tally);
    this.#hearing.check(agents, name, this.#tally);
  }

  /** Nothing has the folder open but this reader: it is deleted and copied back, and a single writer works in it. */
  async interlude(state) {
    if (this.#store === null) return;
    // Windows lets no folder go of which a file is open.
    if (process.platform !== "win32") this.#putBack();
    checkSame(state, await this.tokens(), `${name}, behind a folder that was put back,`, this.#tally);
    await this.#work(state);
    this.#tally.interludes++;
  }

  #putBack() {
    const copy = `${this.#folder}-copy`;
    cpSync(this.#folder, copy, { recursive: true });
    rmSync(this.#folder, { recursive: true });
    renameSync(copy, this.#folder);
  }

  /** As a program of the newest version that wrote into the folder: an older one is refused, and told which. */
  async #openAlone() {
    let { version } = readManifest(this.#folder);
    const checkpointOnClose = this.#random.chance(0.5);
    for (;;) {
      const writer = new this.#Store();
      const migrate = (record) => ({ ...record, v: version });
      try {
        await writer.open(this.#folder, { version, migrate, checkpointOnClose });
        return { writer, version };
      } catch (error) {
        if (error.code !== "OPSLOG_NEWER_VERSION") throw error;
        const newest = Number(/records of version (\d+)/.exec(error.message)[1]);
        if (newest <= version) throw error;
        version = newest;
      }
    }
  }

  async #work(state) {
    const { writer, version } = await this.#openAlone();
    const expected = new Map(state);
    this.#told = [];
    const done = [];
    for (let n = 0; n < 40; n++) {
      const id = singleId(this.#random.below(10));
      if (writer.has(id) && this.#random.chance(0.3)) {
        await writer.delete(id);
        expected.delete(id);
        done.push(`delete ${id}`);
      } else {
        const t = `w.${(this.#numbers += 1)}`;
        await writer.set(id, { t, v: version });
        expected.set(id, t);
        done.push(t);
      }
      if (this.#random.chance(0.05)) await writer.compact();
      if (this.#random.chance(0.2))
        checkSame(expected, await this.tokens(), `${name}, beside a single writer,`, this.#tally);
    }
    await writer.close();
    checkSame(expected, await this.tokens(), `${name}, behind a single writer,`, this.#tally);
    const told = this.#told.map(({ op, id, data }) => (op === "set" ? data.t : `delete ${id}`));
    if (told.join() !== done.join())
      this.#tally.note("not told", `${name} was told ${told.join()} by a single writer, not ${done.join()}`);
  }

  async end() {
    this.#isOver = true;
    await this.#looking?.catch(() => {});
    await this.#store?.close();
  }
}
