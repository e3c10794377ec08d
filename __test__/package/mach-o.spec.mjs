/** What is told of macOS's libraries before they are published: see scripts/package/mach-o.mjs. */
import { createHash } from "node:crypto";
import test from "ava";
import { inspectMachO } from "../../scripts/package/mach-o.mjs";

const X64 = 0x01000007;
const ARM64 = 0x0100000c;
const PAGE_BYTES = 4096;
const HASHES_AT = 64;
const SYMBOLS_AT = 1024;
const NAMES_AT = 2048;

function command(kind, size, fill) {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(kind, 0);
  bytes.writeUInt32LE(size, 4);
  fill(bytes);
  return bytes;
}

/** A file of `pages` pages and its signature, with which nothing is wrong. */
function library({ processor = ARM64, pages = 3, isSigned = true, name, taken = [] } = {}) {
  const limit = pages * PAGE_BYTES;
  const directoryBytes = HASHES_AT + pages * 32;
  const commands = [
    command(0xc, 56, (bytes) => {
      bytes.writeUInt32LE(24, 8);
      bytes.write("/usr/lib/libSystem.B.dylib\0", 24);
    }),
    command(0x32, 24, (bytes) => bytes.writeUInt32LE((13 << 16) | (5 << 8), 12)),
  ];
  if (name !== undefined) {
    commands.push(
      command(0xd, 64, (bytes) => {
        bytes.writeUInt32LE(24, 8);
        bytes.write(`${name}\0`, 24);
      }),
    );
  }
  if (taken.length > 0) {
    commands.push(
      command(0x2, 24, (bytes) => {
        bytes.writeUInt32LE(SYMBOLS_AT, 8);
        bytes.writeUInt32LE(taken.length, 12);
        bytes.writeUInt32LE(NAMES_AT, 16);
      }),
    );
  }
  if (isSigned) {
    commands.push(
      command(0x1d, 16, (bytes) => {
        bytes.writeUInt32LE(limit, 8);
        bytes.writeUInt32LE(20 + directoryBytes, 12);
      }),
    );
  }
  const content = Buffer.alloc(limit, 7);
  content.writeUInt32LE(0xfeedfacf, 0);
  content.writeUInt32LE(processor, 4);
  content.writeUInt32LE(commands.length, 16);
  Buffer.concat(commands).copy(content, 32);
  let names = 1;
  for (const [index, { symbol, ordinal, kind = 0x1 }] of taken.entries()) {
    const entry = SYMBOLS_AT + index * 16;
    content.writeUInt32LE(names, entry);
    content.set([kind, 0], entry + 4);
    content.writeUInt16LE(ordinal << 8, entry + 6);
    names += content.write(`${symbol}\0`, NAMES_AT + names);
  }
  if (!isSigned) return content;
  const signature = Buffer.alloc(20 + directoryBytes);
  signature.writeUInt32BE(0xfade0cc0, 0);
  signature.writeUInt32BE(20, 16);
  const directory = signature.subarray(20);
  for (const [at, value] of [
    [0, 0xfade0c02],
    [16, HASHES_AT],
    [28, pages],
    [32, limit],
  ])
    directory.writeUInt32BE(value, at);
  directory.set([32, 2, 0, Math.log2(PAGE_BYTES)], 36);
  for (let page = 0; page < pages; page += 1) {
    const bytes = content.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    createHash("sha256")
      .update(bytes)
      .digest()
      .copy(directory, HASHES_AT + page * 32);
  }
  return Buffer.concat([content, signature]);
}

test("inspectMachO(), of a signed library, tells what it needs and finds no fault", (t) => {
  t.deepEqual(inspectMachO(library()), {
    name: undefined,
    needed: ["/usr/lib/libSystem.B.dylib"],
    taken: [],
    system: "13.5",
    fault: undefined,
  });
});

test("inspectMachO(), of a library that takes symbols, tells their names and the library of each, and its own name", (t) => {
  const taken = [
    { symbol: "_open", ordinal: 1 },
    { symbol: "_napi_create_function", ordinal: 0xfe },
    { symbol: "_napi_register_module_v1", ordinal: 0, kind: 0xf },
  ];
  const found = inspectMachO(library({ name: "@rpath/opslog.node", taken }));
  t.is(found.name, "@rpath/opslog.node");
  t.deepEqual(found.taken, [
    { name: "_open", library: "/usr/lib/libSystem.B.dylib" },
    { name: "_napi_create_function", library: undefined },
  ]);
  t.is(found.fault, undefined);
});

test("inspectMachO(), of a library that was changed after it was signed, finds the signature wrong", (t) => {
  for (const at of [1000, PAGE_BYTES + 5, 3 * PAGE_BYTES - 1]) {
    const changed = library();
    changed[at] ^= 1;
    t.is(inspectMachO(changed).fault, "its signature is wrong", `byte ${at}`);
  }
});

test("inspectMachO(), of a library without a signature, finds that a fault on arm64 only", (t) => {
  t.is(inspectMachO(library({ isSigned: false })).fault, "it has no signature");
  t.is(inspectMachO(library({ isSigned: false, processor: X64 })).fault, undefined);
});

test("inspectMachO(), of a signature that covers too few pages, says so", (t) => {
  const short = library();
  short.writeUInt32BE(2, 3 * PAGE_BYTES + 20 + 28);
  t.is(inspectMachO(short).fault, "its signature leaves pages out");
});

test("inspectMachO(), of a file that is none, throws", (t) => {
  t.throws(() => inspectMachO(Buffer.alloc(64)), { message: /no 64-bit Mach-O file/ });
});
