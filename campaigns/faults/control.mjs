/** The file through which the shim is told what to do, and tells what it did. Its layout is that of shim.c. */
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";

const HEAD = 8 * 4;
const ENTRY = 64;
const LOGGED = 4096;

/** The calls that are told apart, by their numbers. */
export const kinds = [
  ...[
    "open to read",
    "open to write",
    "open to create",
    "write",
    "pwrite",
    "ftruncate",
    "fsync",
    "fdatasync",
  ],
  ...[
    "sync_file_range",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "rmdir",
    "flock",
    "unlock",
    "other",
    "fsync of a folder",
  ],
];

const actions = ["none", "kill before", "kill after", "torn", "short", "fail"];

export class Control {
  path;
  #fd;

  constructor(path) {
    this.path = path;
    this.#fd = openSync(path, "w+");
    ftruncateSync(this.#fd, HEAD + ENTRY + LOGGED * ENTRY);
  }

  /** Has the shim count from 1 again, and carry out an action at the first call from `point` on that fits. */
  arm({ action = "none", error = 0, on = [], lasting = false, point = 1 } = {}) {
    const mask = on.reduce((bits, kind) => bits | (1 << kinds.indexOf(kind)), 0);
    const numbers = [actions.indexOf(action), error, mask, Number(lasting), point, 0, 0, 0];
    this.#write(Uint32Array.from(numbers));
  }

  /** Nothing more happens; what happened can still be asked for. */
  disarm() {
    this.#write(Uint32Array.from([0]));
  }

  /** How many calls were counted, how many were hit, and which the first of them was: its kind and file. */
  read() {
    const head = this.#read(0, HEAD + ENTRY);
    const [count, fired, at] = [5, 6, 7].map((place) => head.readUInt32LE(4 * place));
    return { count, fired, at, first: fired > 0 ? entry(head, HEAD) : null };
  }

  /** The calls in their order. */
  log() {
    const length = Math.min(this.read().count, LOGGED);
    const bytes = this.#read(HEAD + ENTRY, length * ENTRY);
    return Array.from({ length }, (_, place) => entry(bytes, place * ENTRY));
  }

  close() {
    closeSync(this.#fd);
  }

  /** Has every call of these kinds fail with an error number, as on a file system that does not know them. */
  lack(on, error) {
    this.arm({ action: "fail", error, on, lasting: true });
  }

  #write(numbers) {
    writeSync(this.#fd, new Uint8Array(numbers.buffer), 0, numbers.byteLength, 0);
  }

  #read(offset, length) {
    const bytes = Buffer.alloc(length);
    if (length > 0) readSync(this.#fd, bytes, 0, length, offset);
    return bytes;
  }
}

function entry(bytes, offset) {
  const name = bytes.toString("utf8", offset + 4, offset + ENTRY);
  return { kind: kinds[bytes.readUInt32LE(offset)], name: name.slice(0, name.indexOf("\0")) };
}
