import { basename, join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { manual, openAgent } from "../helpers/agents.mjs";
import { original } from "../helpers/original.mjs";
import { storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

function nested(depth) {
  let value = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
}

const own = (text) => JSON.parse(text);
const ids = [
  "\ud800",
  "\udc00\ud800",
  "a\ud83d",
  "\u0000",
  "a\u0000b",
  "\u2028\u2029",
  "__proto__",
  "constructor",
  "toString",
  "0",
  "-0",
  "007",
  "4294967295",
  "1e3",
  " ",
  '"\\\n',
  "é",
  "e\u0301",
  "\ufffd",
  "\ufeff",
  "😀",
  "i".repeat(1 << 16),
  "\u2028".repeat(1 << 14),
];
const values = {
  "negative zero": -0,
  "beyond safe integers": 2 ** 53 + 2,
  "the largest number": Number.MAX_VALUE,
  "the smallest number": 5e-324,
  "an overflow": own("1e400"),
  "lone surrogates": { "\ud800": "\udfff", list: ["\ud83d", "\u0000", "\u2028"] },
  "keys of Object.prototype": own(
    '{"__proto__":{"polluted":true},"constructor":1,"hasOwnProperty":2,"toString":3}',
  ),
  "keys like integers": own('{"2":"b","1":"a","x":1,"-1":2,"4294967296":3}'),
  "an empty key": { "": { "": [] } },
  "marks of a log": {
    batch: "more",
    cuts: 7,
    after: "ops/x",
    $set: { a: 1 },
    $unset: ["b"],
    encoding: "delta",
  },
  "a depth of 4,000": nested(4000),
  "a string of 1 MB": "\u2028\ud800x".repeat(1 << 17),
  "duplicate keys": own('{"a":1,"a":2}'),
  null: null,
};
const stored = (value) => JSON.parse(JSON.stringify(value));

for (const [what, value] of Object.entries(values)) {
  test(`${what}, and ids of every kind, come back from every way through a store`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, manual);
    const reader = new Store();
    await reader.open(folder, { readOnly: true });
    const expected = ids.map((id) => [id, stored({ value, more: id })]);
    for (const id of ids) await store.set(id, { value });
    for (const id of ids) await store.set(id, { value, more: id });
    await store.batch(() => {
      for (const id of ids) store.set(id, { value, more: 0 });
    });
    for (const _ of ids) t.true(await store.undo());
    const same = (entries, where) => {
      t.is(entries.length, expected.length, where);
      for (const [n, [id, record]] of entries.entries()) {
        t.true(id === expected[n][0], `${where}: id ${n}`);
        t.is(JSON.stringify(record), JSON.stringify(expected[n][1]), `${where}: id ${n}`);
      }
    };
    same(store.entries(), "memory");
    t.is({}.polluted, undefined);
    for (const [id, record] of expected) {
      t.true(store.has(id));
      t.is(JSON.stringify(store.get(id)), JSON.stringify(record));
      t.is(JSON.stringify(store.getHistory(id).at(-1).data), JSON.stringify(record));
    }
    const told = await reader.tail();
    t.deepEqual(
      told.slice(-ids.length).map(({ id }) => id),
      ids,
    );
    same(reader.entries(), "a reader");
    const copies = [
      join(folder, "..", `${basename(folder)}-log`),
      join(folder, "..", `${basename(folder)}-snapshot`),
    ];
    t.teardown(async () => {
      const { rm } = await import("node:fs/promises");
      for (const copy of copies) await rm(copy, { recursive: true, force: true });
    });
    await store.backup(copies[0]);
    await store.compact();
    same(store.entries(), "a checkpoint");
    await store.backup(copies[1]);
    await store.close();
    await reader.close();
    for (const where of [folder, ...copies]) {
      same(await storedEntries(Store, where), where);
      same(await storedEntries(original.Store, where), `0.8.1 in ${where}`);
    }
    await store.open(folder, manual);
    t.is(await store.archive(() => true, "all"), ids.length);
    // A segment holds an object, whose keys like integers come first.
    const archived = await store.loadArchive("all");
    t.is(archived.size, ids.length);
    same(
      ids.map((id) => [id, archived.get(id)]),
      "an archive",
    );
    await store.close();

    const agents = await temporaryFolder(t);
    const [one, two] = [await openAgent(t, agents, "one"), await openAgent(t, agents, "two")];
    for (const [n, id] of ids.entries()) await (n % 2 === 0 ? one : two).set(id, { value });
    await Promise.all([one.refresh(), two.refresh()]);
    for (const id of ids) t.is(JSON.stringify(one.get(id)), JSON.stringify(stored({ value })));
    t.is(JSON.stringify(one.entries()), JSON.stringify(two.entries()));
    await two.compact();
    await one.refresh();
    t.is(JSON.stringify(one.entries()), JSON.stringify(two.entries()));
  });
}
