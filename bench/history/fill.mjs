/** Fills a store with operations, sealed in so many logs; each record gets as many of them. */
import { makeId, makePool } from "../record.mjs";

const BATCH = 5000;

export async function fillHistory(handle, { records, bytes, operations, logs }) {
  const pool = makePool(bytes);
  const each = Math.ceil(operations / logs);
  for (let n = 0; n < operations;) {
    const entries = [];
    for (; entries.length < BATCH && n < operations; n += 1) {
      // Each log has operations on other records than the one before.
      const id = (n * 7919) % records;
      entries.push([makeId(id), { ...pool[id % pool.length], priority: Math.floor(n / records) }]);
      if ((n + 1) % each === 0) {
        n += 1;
        break;
      }
    }
    await handle.setMany(entries);
    if (n % each === 0) await handle.seal();
  }
}
