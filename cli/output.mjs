/**
 * Text for stdout and stderr, written at once: so a walk over a store of any size needs no memory for what was not
 * written yet, and a reader that went away is noticed at the write.
 */
import { writeSync } from "node:fs";
import { OK } from "./exit-codes.mjs";

/** The reader of the output is gone, as `head` is after ten lines. */
export class ReaderGone extends Error {}

// Those that JSON leaves as they are, and a terminal may take for commands. They stand in texts and names only.
const CONTROL = /\p{Cc}/gu;

/** JSON that is safe to show, and the same value. */
export function jsonText(value, space) {
  return (JSON.stringify(value, null, space) ?? "null").replace(CONTROL, (character) =>
    character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const BLOCK = 1 << 16;
const PAUSE_MS = 5;
const sleeping = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of a text to a descriptor. */
export function writeAll(descriptor, text) {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(descriptor, bytes));
    } catch (error) {
      if (error.code === "EPIPE" || error.code === "EOF") throw new ReaderGone();
      if (error.code !== "EAGAIN") throw error;
      // A pipe that another process made non-blocking, and that is full.
      Atomics.wait(sleeping, 0, 0, PAUSE_MS);
    }
  }
}

/** Lines for a descriptor, some of them held back until there is a block of them. */
export class Output {
  /** What the program ends with, as far as is known: also if the reader goes away. */
  status = OK;
  #descriptor;
  #held = "";

  constructor(descriptor = 1) {
    this.#descriptor = descriptor;
  }

  line(text = "") {
    this.#held += `${text}\n`;
    if (this.#held.length >= BLOCK) this.flush();
  }

  json(value) {
    this.line(jsonText(value));
  }

  flush() {
    const text = this.#held;
    this.#held = "";
    writeAll(this.#descriptor, text);
  }
}

/** A line for people who watch: errors, what is being done. */
export function tell(text) {
  try {
    writeAll(2, `${text}\n`);
  } catch {
    // No reader is left to be told.
  }
}
