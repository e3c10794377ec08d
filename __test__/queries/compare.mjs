/** Compares find() with mingo, on random documents that stand in a snapshot, a log, or both. */
import { appendFile } from "node:fs/promises";
import { Query } from "mingo";
import { activeWal } from "../helpers/store-folder.mjs";
import { RandomQueries } from "./random.mjs";

const DOCUMENTS = 100;
const QUERIES = 25;

const shown = (value) =>
  JSON.stringify(value, (_, inner) => {
    if (inner instanceof RegExp) return String(inner);
    if (Object.is(inner, -0)) return "-0";
    return inner === Infinity ? "Infinity" : inner;
  });

/** Puts the documents into a new store of the folder. */
async function fill(Store, folder, documents, { compacts, indexes }) {
  const store = new Store();
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false });
  await store.set("first", { a: 0 });
  const lines = documents.map(
    (text, n) => `{"ts":"2026-01-01T00:00:00.000Z","op":"set","id":"${n}","prev":null,"data":${text}}\n`,
  );
  const log = await activeWal(folder);
  await store.close();
  await appendFile(log, lines.join(""));
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false, indexes });
  if (compacts) await store.compact();
  for (let n = 0; n < documents.length; n += 7) await store.set(String(n), store.get(String(n)));
  return store;
}

/** Runs rounds of queries; `folderOf(round)` makes a folder. Returns the pairs that were compared, and what differs. */
export async function compareWithMingo({ Store, seed, rounds, folderOf }) {
  const random = new RandomQueries(seed);
  const result = { pairs: 0, found: 0, refused: 0, differences: [] };
  for (let round = 0; round < rounds; round++) {
    const documents = Array.from({ length: DOCUMENTS }, () => random.document());
    const store = await fill(Store, await folderOf(round), documents, { compacts: round % 2 === 0 });
    try {
      for (let n = 0; n < QUERIES; n++) await compareOne(store, random.query(), result);
    } finally {
      await store.close();
    }
  }
  return result;
}

/** As {@link compareWithMingo}, with declared indexes; what is sorted and cut is compared with what a store without them finds. */
export async function compareIndexed({ Store, seed, rounds, folderOf }) {
  const random = new RandomQueries(seed);
  const result = { pairs: 0, found: 0, refused: 0, differences: [], byIndex: 0, inOrder: 0 };
  for (let round = 0; round < rounds; round++) {
    const isFlat = round % 4 < 2;
    const document = () => (isFlat ? random.flatDocument() : random.document());
    const documents = Array.from({ length: isFlat ? 3 * DOCUMENTS : DOCUMENTS }, document);
    const folder = await folderOf(round);
    const indexes = random.indexes();
    const store = await fill(Store, folder, documents, { compacts: round % 3 !== 0, indexes });
    const walking = new Store();
    await walking.open(folder, { readOnly: true });
    try {
      for (let n = 0; n < QUERIES; n++) {
        const query = n % 5 === 0 ? {} : random.queryOn(indexes);
        await compareOne(store, query, result);
        await compareSelected({ store, walking, indexes }, query, random.selection(indexes), result);
      }
    } finally {
      await store.close();
      await walking.close();
    }
  }
  return result;
}

async function compareSelected({ store, walking, indexes }, query, selection, result) {
  const expected = (await walking.find(query, selection)).map(shown);
  const found = (await store.find(query, selection)).map(shown);
  const { indexes: used, isSortedByIndex } = await store.explain(query, selection);
  result.byIndex += used.length > 0;
  result.inOrder += isSortedByIndex;
  if (found.join("\n") === expected.join("\n")) return;
  result.differences.push({ query: shown(query), selection, indexes, used, found, expected });
}

async function compareOne(store, query, result) {
  const records = store.entries();
  let expected;
  try {
    const oracle = new Query(query);
    expected = records.filter(([, value]) => oracle.test(value)).map(([, value]) => shown(value));
  } catch {
    // mingo fails on names such as __proto__ that no query here asks for.
    result.refused++;
    return;
  }
  const found = (await store.find(query)).map(shown);
  const count = await store.countWhere(query);
  result.pairs += records.length;
  result.found += expected.length;
  if (found.join("\n") === expected.join("\n") && count === found.length) return;
  const missed = expected.find((text) => !found.includes(text));
  const extra = found.find((text) => !expected.includes(text));
  result.differences.push({ query: shown(query), missed, extra, count, found: found.length });
}
