/**
 * Text for stdout and stderr, written at once: so a walk over a store of any size needs no memory for what was not
 * written yet, and a reader that went away is noticed at the write.
 */
import { writeSync } from "node:fs";
import { OK } from "./exit-codes.mjs";
import { paintError } from "./terminal/colours.mjs";
import { jsonText, printable } from "./terminal/printable.mjs";
import { wrap } from "./terminal/text-width.mjs";

/** The reader of the output is gone, as `head` is after ten lines. */
export class ReaderGone extends Error {}

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
  /** The folder that the command is about, as it was named. */
  folder = undefined;
  #descriptor;
  #held = "";

  constructor(descriptor = 1) {
    this.#descriptor = descriptor;
  }

  /** A line that is safe to show: `printable()` makes it so. */
  line(text = "") {
    this.#held += `${text}\n`;
    if (this.#held.length >= BLOCK) this.flush();
  }

  /** Several of them. */
  lines(texts) {
    for (const text of texts) this.line(text);
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

/** A text for people who watch, on stderr. */
export function tell(text) {
  try {
    writeAll(2, text);
  } catch {
    // No reader is left to be told.
  }
}

/** Says on stderr what is wrong, or what is to be known. Nothing in the text reaches the terminal as a command. */
export function complain(text) {
  const columns = process.stderr.isTTY ? process.stderr.columns || 80 : Infinity;
  const lines = `opslog: ${text}`
    .split("\n")
    .flatMap((line) => wrap(printable(line), columns, { keepsWords: true }));
  tell(`${lines.join("\n").replace("opslog:", paintError("red", "opslog:"))}\n`);
}

/** The same for programs: one object a line. */
export function complainJson(value) {
  tell(`${jsonText(value)}\n`);
}
