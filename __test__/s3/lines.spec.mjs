/** Bodies of lines that come in pieces, of which each is overwritten by the next. */
import { createRequire } from "node:module";
import test from "ava";
import { generator } from "../helpers/failing-schedules.mjs";

const require = createRequire(import.meta.url);
const { linesIn } = require("../../lib/s3/lines.js");
const { readInRanges } = require("../../lib/s3/ranges.js");

const PIECE_BYTES = 64 << 10;

test("lines are whole wherever a piece ends, though the next piece overwrites it", async (t) => {
  const random = generator(3);
  for (let round = 0; round < 200; round++) {
    const lines = Array.from({ length: 60 }, (_, n) => `${n}:${"ä".repeat(Math.floor(random() ** 3 * 400))}`);
    const body = Buffer.from(`${lines.join("\n")}${round % 2 === 0 ? "\n" : ""}`);
    const rooms = [Buffer.alloc(1000), Buffer.alloc(1000)];
    async function* pieces() {
      for (let from = 0, n = 0; from < body.length; n++) {
        const length = Math.min(body.length - from, 1 + Math.floor(random() * 1000));
        const room = rooms[n % 2].subarray(0, length);
        room.set(body.subarray(from, from + length));
        yield room;
        room.fill("x");
        from += length;
      }
    }
    const found = [];
    for await (const some of linesIn(pieces())) found.push(...some);
    t.deepEqual(found, lines);
  }
});

test("an object is read in pieces out of the same memory, and an attempt that failed does not write to it", async (t) => {
  const content = Buffer.alloc(7 * PIECE_BYTES + 12_345);
  for (let at = 0; at < content.length; at += 4)
    content.writeUInt32LE(at % 4_294_967_291, Math.min(at, content.length - 4));
  const rooms = new Set();
  let attempts = 0;
  const objects = {
    async getInto(_, { Range: range }, room) {
      const [from, to] = /(\d+)-(\d+)/.exec(range).slice(1).map(Number);
      const part = content.subarray(from, Math.min(to + 1, content.length));
      if (++attempts % 2 === 0) {
        const lost = room(part.length);
        setTimeout(() => lost.fill("x"), 5);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const body = room(part.length);
      rooms.add(body.buffer);
      part.copy(body);
      return { body, size: content.length };
    },
  };
  const found = [];
  for await (const piece of readInRanges(objects, "x", PIECE_BYTES)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    found.push(Buffer.from(piece));
  }
  t.true(Buffer.concat(found).equals(content));
  t.true(rooms.size <= 6, `${rooms.size} pieces of memory`);
});

test("an object comes whole from a server that ignores ranges, and not at all from one that does not say what it has answered", async (t) => {
  const content = Buffer.alloc(3 * PIECE_BYTES, "abc");
  const readFrom = async (answer) => {
    const getInto = async (_, { Range: range }) => {
      const [from, to] = /(\d+)-(\d+)/.exec(range).slice(1).map(Number);
      return answer(from, content.subarray(from, to + 1));
    };
    const found = [];
    for await (const piece of readInRanges({ getInto }, "x", PIECE_BYTES)) found.push(Buffer.from(piece));
    return Buffer.concat(found);
  };
  const whole = { body: content, size: undefined };
  t.true((await readFrom(() => whole)).equals(content));
  // `Content-Range: bytes 0-65535/*`, at once or later, and a whole object in the place of a range.
  const range = (body) => ({ body, size: content.length });
  for (const answer of [
    (_, body) => ({ body, size: NaN }),
    (from, body) => (from > 0 ? { body, size: NaN } : range(body)),
    (from, body) => (from > 0 ? whole : range(body)),
  ])
    await t.throwsAsync(readFrom(answer), { message: /does not say which part of x/ });
});
