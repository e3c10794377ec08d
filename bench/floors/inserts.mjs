/** Floors of awaited inserts: what W1, W4 and W6 have in common. Each does what the one before does, and one thing more. */
import { join } from "node:path";
import { measureCalls } from "../measure.mjs";
import { makeIds, makePool } from "../record.mjs";
import { loadFloors } from "./addon.mjs";

const COUNT = 100_000;
const limits = { warmup: 5000, count: COUNT, latencies: 1 };
const BUFFER = 1000;

/** Awaits `set(id, record, n)`, which is an async function, for one record after the other. */
export async function awaited({ variant }, set) {
  const pool = makePool(variant.bytes);
  const ids = makeIds(limits.warmup + COUNT + 1);
  return measureCalls((n) => set(ids[n], pool[n % pool.length], n), limits);
}

/** Lines that are put together, and written when there are a thousand. */
export function openBuffer(folder) {
  const addon = loadFloors();
  addon.open(join(folder, "lines"));
  return {
    addon,
    add(id, record, n) {
      addon.add(id, JSON.stringify(record));
      if (n % BUFFER === BUFFER - 1) addon.write();
    },
  };
}

export const promiseAlone = (context) => awaited(context, async () => {});
export const promiseAndText = (context) => awaited(context, async (_, record) => void JSON.stringify(record));

/** A copy of what JSON has, so that later changes of the caller's object do not show. */
export function copyOf(value) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  const copy = {};
  for (const name in value) copy[name] = copyOf(value[name]);
  return copy;
}
