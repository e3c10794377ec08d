/** Damages files of a store on purpose, byte by byte, and knows how its index files are laid out. */
import { readFile, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";

export const PAGE = 1024;
const PAGE_HEAD = 16;
const SLOT = 16;

/** Changes one byte of a file. */
export async function flip(path, offset, byte) {
  const content = await readFile(path);
  content[offset] = byte === undefined ? content[offset] ^ 0x01 : byte.charCodeAt(0);
  await writeFile(path, content);
}

/** Where a text begins in a file, the n-th time (from 0). */
export async function offsetOf(path, text, n = 0) {
  const content = await readFile(path);
  let at = -1;
  for (let i = 0; i <= n; i++) at = content.indexOf(text, at + 1);
  if (at < 0) throw new Error(`${path} does not hold ${text}`);
  return at;
}

/** Where each line of a file begins. */
export async function lineStarts(path) {
  const content = await readFile(path);
  const starts = [0];
  for (let at = content.indexOf("\n"); at >= 0; at = content.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts.filter((at) => at < content.length);
}

/** The entries of an index file: where each stands, and what it says. */
export async function indexEntries(path) {
  const content = await readFile(path);
  const entries = [];
  for (let page = PAGE; page < content.length; page += PAGE) {
    const count = content.readUInt16LE(page + 4);
    for (let i = 0; i < count; i++) {
      const at = page + PAGE_HEAD + i * SLOT;
      entries.push({
        at,
        tag: content.readUInt32LE(at),
        length: content.readUInt32LE(at + 4),
        offset: Number(content.readBigUInt64LE(at + 8)),
      });
    }
  }
  return entries;
}

/** Changes a page of an index file, by the place of something in it, and makes its checksum right again. */
export async function editPage(path, at, edit) {
  const content = await readFile(path);
  const number = Math.floor(at / PAGE) - 1;
  const page = content.subarray((number + 1) * PAGE, (number + 2) * PAGE);
  edit(page, at % PAGE);
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32LE(number);
  page.writeUInt32LE(crc32(page.subarray(4), crc32(prefix)), 0);
  await writeFile(path, content);
}
