/** What is told of macOS's libraries before they are published: see scripts/package/mach-o.mjs. */
import { createHash } from "node:crypto";
import test from "ava";
import { inspectMachO } from "../../scripts/package/mach-o.mjs";

const X64 = 0x01000007;
const ARM64 = 0x0100000c;
const PAGE_BYTES = 4096;
const HASHES_AT = 64;

function command(kind, size, fill) {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(kind, 0);
  bytes.writeUInt32LE(size, 4);
  fill(bytes);
  return bytes;
}

/** A file of `pages` pages and its signature, with which nothing is wrong. */
function library({ processor = ARM64, pages = 3, isSigned = true } = {}) {
  const limit = pages * PAGE_BYTES;
  const directoryBytes = HASHES_AT + pages * 32;
  const commands = [
    command(0xc, 56, (bytes) => {
      bytes.writeUInt32LE(24, 8);
      bytes.write("/usr/lib/libSystem.B.dylib\0", 24);
    }),
    command(0x32, 24, (bytes) => bytes.writeUInt32LE((13 << 16) | (5 << 8), 12)),
  ];
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
    needed: ["/usr/lib/libSystem.B.dylib"],
    system: "13.5",
    fault: undefined,
  });
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
