/** What the machine can do: the least that each kind of work has to cost. */
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { measureCalls, timed } from "./measure.mjs";
import { makeId, makePool, makeRecord } from "./record.mjs";

let stampedAt = 0;
let stamp = "";

/** The time as text, made only once a millisecond. */
function timestamp() {
  const time = Date.now();
  if (time !== stampedAt) {
    stampedAt = time;
    stamp = new Date(time).toISOString();
  }
  return stamp;
}

export function makeLine(id, record) {
  return `{"ts":"${timestamp()}","op":"set","id":${JSON.stringify(id)},"data":${JSON.stringify(record)},"prev":null}\n`;
}

/** `JSON.stringify` of a record, and nothing else. */
export async function stringify({ variant }) {
  const pool = makePool(variant.bytes);
  let length = 0;
  const { ms } = await timed(() => {
    for (let n = 0; n < 300_000; n += 1) length += JSON.stringify(pool[n % 1000]).length;
  });
  if (length === 0) throw new Error("nothing was made");
  return { perSecond: 300_000_000 / ms };
}

/** Awaited calls that make a record's line and write it to an open file with `fs.writeSync`. */
export async function awaitedWrites({ folder, variant }) {
  const pool = makePool(variant.bytes);
  const fd = openSync(join(folder, "lines"), "a");
  const ids = Array.from({ length: 200_000 }, (_, n) => makeId(n));
  const set = async (id, record) => void writeSync(fd, makeLine(id, record));
  const figures = await measureCalls((n) => set(ids[n % ids.length], pool[n % 1000]), { count: 100_000 });
  closeSync(fd);
  return figures;
}

/** The same lines, a thousand in one write. */
export async function writesOfBatches({ folder, variant }) {
  const pool = makePool(variant.bytes);
  const fd = openSync(join(folder, "lines"), "a");
  const batches = 100;
  const { ms } = await timed(() => {
    for (let batch = 0; batch < batches; batch += 1) {
      let text = "";
      for (let n = 0; n < 1000; n += 1) text += makeLine(makeId(batch * 1000 + n), pool[n]);
      writeSync(fd, text);
    }
  });
  closeSync(fd);
  return { perSecond: (batches * 1_000_000) / ms };
}

/** A line appended and `fdatasync`, one after the other. `lines` of them share a sync. */
export function syncedWrites(lines = 1) {
  return async ({ folder, variant }) => {
    const pool = makePool(variant.bytes);
    const fd = openSync(join(folder, "lines"), "a");
    const append = (n) => {
      let text = "";
      for (let line = 0; line < lines; line += 1) text += makeLine(makeId(n * lines + line), pool[line]);
      writeSync(fd, text);
      fdatasyncSync(fd);
    };
    const figures = await measureCalls(append, { warmup: 20, count: 5000, latencies: 500, turnEvery: 1 });
    closeSync(fd);
    return { ...figures, perSecond: figures.perSecond * lines, calls: figures.calls * lines };
  };
}

/** `Map.get` of the same ids in the same order. */
export function mapGets(makeGets) {
  return async ({ variant }) => {
    const map = new Map();
    for (let n = 0; n < variant.records; n += 1) map.set(makeId(n), makeRecord(n, variant.bytes));
    return makeGets((id) => map.get(id), variant);
  };
}

/** Reading the snapshot and the log as a whole, and doing nothing with them. */
export async function readFiles({ folder }) {
  const { currentSnapshot, activeOps } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const { ms } = await timed(() =>
    [currentSnapshot, activeOps].map((path) => readFileSync(join(folder, path))),
  );
  return { ms };
}
