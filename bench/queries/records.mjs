/** Records to be searched: ten of each group, and a rank that no two of them have. */
import { makeId, makePool } from "../record.mjs";

const BATCH = 10_000;

export const groupOf = (n, records) => `group-${n % (records / 10)}`;
// 7,919 is prime to the numbers of records that are used.
const rankOf = (n, records) => (n * 7919) % records;

export const makeIdOf = makeId;

/** The n-th of so many records. */
export function makeSearched(n, { records, pool }) {
  return { ...pool[n % pool.length], group: groupOf(n, records), rank: rankOf(n, records) };
}

/** A pool of records to which the fields that are searched are added. */
export const poolOf = (bytes) => makePool(bytes - 40);

/** Fills a store. */
export async function fillSearched(handle, { records, bytes }) {
  const pool = poolOf(bytes);
  for (let from = 0; from < records; from += BATCH) {
    const entries = [];
    for (let n = from; n < Math.min(records, from + BATCH); n += 1) {
      entries.push([makeId(n), makeSearched(n, { records, pool })]);
    }
    await handle.setMany(entries);
  }
}
