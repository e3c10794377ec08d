import { searchable } from "./stores.mjs";

/** The two sizes of a store of small records in which is searched. */
export const sizes = [
  { name: "100 k", bytes: 180, records: 100_000 },
  { name: "1 M", bytes: 180, records: 1_000_000, repeats: 3, slow: true },
];

/** And one of large records. */
export const large = { name: "100 k, 2 KB", bytes: 2048, records: 100_000, repeats: 3 };

/** What all workloads have in common that search in a store. */
export const searching = {
  stores: searchable,
  absent: { nedb: { "1 M": "it keeps all in memory and takes minutes" } },
  fixture: ({ records, bytes }) => ({ kind: "searched", records, bytes }),
};
