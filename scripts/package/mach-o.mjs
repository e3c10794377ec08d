// As much of the format of macOS's libraries as tells what one asks for, from which library, and whether its signature is
// right: on arm64 nothing runs whose signature is not.

import { createHash } from "node:crypto";

const MAGIC = 0xfeedfacf;
const HEADER_BYTES = 32;
const ARM64 = 0x0100000c;
const SYMBOLS = 0x2;
const LOAD_DYLIB = 0xc;
const OWN_NAME = 0xd;
const LOAD_WEAK_DYLIB = 0x80000018;
const REEXPORT_DYLIB = 0x8000001f;
const LIBRARIES = [LOAD_DYLIB, LOAD_WEAK_DYLIB, REEXPORT_DYLIB];
const BUILD_VERSION = 0x32;
const CODE_SIGNATURE = 0x1d;
const SIGNATURE_MAGIC = 0xfade0cc0;
const CODE_DIRECTORY_MAGIC = 0xfade0c02;

/** The load commands of a file, each as a piece of it. */
function* commandsOf(file) {
  if (file.readUInt32LE(0) !== MAGIC) throw new Error("it is no 64-bit Mach-O file");
  let at = HEADER_BYTES;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const size = file.readUInt32LE(at + 4);
    yield { kind: file.readUInt32LE(at), command: file.subarray(at, at + size) };
    at += size;
  }
}

const textAt = (command, offset) => command.toString("utf8", offset, command.indexOf(0, offset));

/** What is wrong with a signature, or undefined. */
function faultOfSignature(file, command) {
  const signature = file.subarray(
    command.readUInt32LE(8),
    command.readUInt32LE(8) + command.readUInt32LE(12),
  );
  if (signature.readUInt32BE(0) !== SIGNATURE_MAGIC) return "its signature is none";
  const directory = signature.subarray(signature.readUInt32BE(16));
  if (directory.readUInt32BE(0) !== CODE_DIRECTORY_MAGIC) return "its signature lists no pages";
  const [hashes, pages, limit] = [16, 28, 32].map((offset) => directory.readUInt32BE(offset));
  const [hashBytes, hashKind, , pageBits] = directory.subarray(36, 40);
  if (hashBytes !== 32 || hashKind !== 2) return "its signature is of an unknown kind";
  const pageBytes = 1 << pageBits;
  if (pages !== Math.ceil(limit / pageBytes)) return "its signature leaves pages out";
  for (let page = 0; page < pages; page += 1) {
    const content = file.subarray(page * pageBytes, Math.min(limit, (page + 1) * pageBytes));
    const expected = directory.subarray(hashes + page * hashBytes, hashes + (page + 1) * hashBytes);
    if (!createHash("sha256").update(content).digest().equals(expected)) return "its signature is wrong";
  }
  return undefined;
}

const SYMBOL_BYTES = 16;
const KIND_BITS = 0x0e;
const EXTERNAL = 1;

/** The symbols that a file takes from elsewhere: each a name and the number of the library, counted from 1. */
function* takenSymbols(file, command) {
  const [symbols, count, names] = [8, 12, 16].map((offset) => command.readUInt32LE(offset));
  for (let at = symbols; at < symbols + count * SYMBOL_BYTES; at += SYMBOL_BYTES) {
    const kind = file[at + 4];
    if ((kind & KIND_BITS) !== 0 || (kind & EXTERNAL) === 0) continue;
    yield { name: textAt(file, names + file.readUInt32LE(at)), library: file.readUInt16LE(at + 6) >> 8 };
  }
}

/**
 * What a library needs: other libraries, symbols of them (`taken`, each with the library's path, `undefined` where any may have
 * it), and a version of macOS; its own name; and what is wrong with its signature, if anything.
 */
export function inspectMachO(file) {
  const found = { name: undefined, needed: [], taken: [], system: null, fault: undefined };
  if (file.readUInt32LE(4) === ARM64) found.fault = "it has no signature";
  for (const { kind, command } of commandsOf(file)) {
    if (kind === OWN_NAME) found.name = textAt(command, command.readUInt32LE(8));
    if (kind === SYMBOLS) found.taken = [...takenSymbols(file, command)];
    if (LIBRARIES.includes(kind)) found.needed.push(textAt(command, command.readUInt32LE(8)));
    if (kind === BUILD_VERSION) found.system = `${command.readUInt16LE(14)}.${command[13]}`;
    if (kind === CODE_SIGNATURE) found.fault = faultOfSignature(file, command);
  }
  found.taken = found.taken.map(({ name, library }) => ({ name, library: found.needed[library - 1] }));
  return found;
}
