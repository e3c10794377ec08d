/** What a writer notes outside of its store; all of it survives the writer's death. */
import { closeSync, openSync, readFileSync, readSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

export class Notes {
  #folder;
  #progress;
  #undone;
  #numbers = new Int32Array(3);
  #bytes = new Uint8Array(this.#numbers.buffer);

  constructor(folder) {
    this.#folder = folder;
    this.#progress = openSync(join(folder, "progress"), "a+");
    closeSync(this.#progress);
    this.#progress = openSync(join(folder, "progress"), "r+");
    this.#undone = openSync(join(folder, "undone"), "a+");
  }

  /** The life that a writer noted last, how many of its operations were acknowledged, and how many called. */
  readProgress() {
    const numbers = new Int32Array(3);
    readSync(this.#progress, numbers, 0, 12, 0);
    const [life, acknowledged, called] = numbers;
    return { life, acknowledged, called };
  }

  /** One write of a few bytes into one page: all of it or nothing. */
  note(life, acknowledged, called) {
    this.#numbers.set([life, acknowledged, called]);
    writeSync(this.#progress, this.#bytes, 0, 12, 0);
  }

  /** The operations of a life that were an undo() which had nothing to take back. */
  readIdleUndos(life) {
    const lines = readFileSync(join(this.#folder, "undone"), "utf8").split("\n");
    const own = lines.map((line) => line.split(" ").map(Number)).filter(([of]) => of === life);
    return new Set(own.map(([, operation]) => operation));
  }

  noteIdleUndo(life, operation) {
    writeSync(this.#undone, `${life} ${operation}\n`);
  }

  /** What the store held when a life began; `null` before the first. */
  readStart() {
    try {
      return JSON.parse(readFileSync(join(this.#folder, "start.json"), "utf8"));
    } catch (error) {
      if (error.code === "ENOENT") return null;
      throw error;
    }
  }

  noteStart(life, expected) {
    writeFileSync(join(this.#folder, "start.tmp"), JSON.stringify({ life, expected }));
    renameSync(join(this.#folder, "start.tmp"), join(this.#folder, "start.json"));
  }

  close() {
    closeSync(this.#progress);
    closeSync(this.#undone);
  }
}
