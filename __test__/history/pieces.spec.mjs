import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import test from "ava";

import { openOurs } from "../helpers/stores.mjs";

const manual = { checkpointThreshold: Infinity, checkpointOnClose: false };
const text = "long enough to make a delta pay off, whatever else the record holds";

async function collect(changes) {
  const found = [];
  for await (const change of changes) found.push(change);
  return found;
}

/** All objects in a value. */
function objectsIn(value, found = []) {
  const values = [value];
  while (values.length > 0) {
    const next = values.pop();
    if (typeof next !== "object" || next === null) continue;
    found.push(next);
    values.push(...Object.values(next));
  }
  return found;
}

const nested = (depth) => JSON.parse(`${'{"a":['.repeat(depth)}1${"]}".repeat(depth)}`);

const records = [
  { text, n: 1, tags: ["a", { b: [1] }], owner: { name: "x", more: null } },
  { text, n: 2, tags: ["a", { b: [1] }], owner: { name: "x", more: null } },
  { text, n: 2, tags: ["a", { b: [2] }], owner: { name: "y" }, added: [[]] },
  { owner: {}, n: 2, text, 7: "a number comes first", 1: [] },
  { owner: {}, n: 3, text, 7: "a number comes first", 1: [] },
  JSON.parse(`{"text":"${text}","__proto__":{"n":1},"in":{"__proto__":[1],"constructor":{}},"n":1}`),
  JSON.parse(`{"text":"${text}","__proto__":{"n":1},"in":{"__proto__":[1],"constructor":{}},"n":2}`),
  JSON.parse(`{"text":"${text}","__proto__":{"n":2},"in":{"__proto__":[1],"constructor":{}},"n":2}`),
  { text, deep: nested(200), n: 1 },
  { text, deep: nested(200), n: 2 },
  [text, 1],
  [text, 2],
  "a string",
  { text, n: 1, "\u2028\ud800": { '"\\': "\u0000" } },
  { text, n: 2, "\u2028\ud800": { '"\\': "\u0000" } },
];

for (const isBatch of [false, true]) {
  test(`changes() of ${isBatch ? "a batch" : "sets"} gives the value before as it was, and no object twice`, async (t) => {
    const { store } = await openOurs(t, manual);
    const setAll = () => records.map((record) => store.set("a", record));
    await (isBatch ? store.batch(() => void setAll()) : Promise.all(setAll()));
    await store.delete("a");
    const found = await collect(store.changes());
    t.is(found.length, records.length + 1);
    for (const [at, { value, before }] of found.entries()) {
      t.true(isDeepStrictEqual([value, before], [records[at], records[at - 1] ?? null]), `change ${at}`);
    }
    const objects = found.flatMap(({ value, before }) => objectsIn([value, before]));
    t.is(new Set(objects).size, objects.length);
    t.true(
      objects.every((each) => [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(each))),
    );
    const names = ["position", "ts", "type", "id", "value", "before", ...(isBatch ? ["batch"] : [])];
    t.deepEqual(Object.keys(found[1]), names);
  });
}

test.serial(
  "changes() gives values as they are where a program has put something into the prototype of all objects",
  async (t) => {
    const { store } = await openOurs(t, manual);
    await store.set("a", { text, n: 1, inside: {} });
    await store.set("a", { text, n: 2, inside: {} });
    const inherited = { of: "all" };
    Object.defineProperty(Object.prototype, "inherited", {
      value: inherited,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    let found;
    try {
      found = await collect(store.changes());
    } finally {
      delete Object.prototype.inherited;
    }
    t.deepEqual(found[1].before, { text, n: 1, inside: {} });
    t.deepEqual(Object.keys(found[1].before.inside), []);
  },
);

test("changes() applies what another program has written as a delta", async (t) => {
  const { store, folder } = await openOurs(t, manual);
  await store.set("a", { n: 1 });
  const { activeOps } = store.getManifest();
  await store.close();
  const line = (data, prev) =>
    `{"ts":"2026-01-01T00:00:00.000Z","op":"set","id":"a","data":${data},"prev":${prev},"encoding":"delta"}\n`;
  const lines = [
    ['{"a":1,"b":{}}', '{"$set":{"c":[2]}}', '{"a":1,"b":{},"c":[2]}'],
    ['{"a":1,"b":{}}', '{"$set":{"b":null},"$unset":["a"]}', '{"b":null}'],
    ['{"a":1}', '{"$set":{"__proto__":{"x":1}}}', '{"a":1,"__proto__":{"x":1}}'],
    ['{"a":1,"a":2}', '{"$set":{"\\u0061":3,"0":4}}', '{"0":4,"a":3}'],
    ['{"a":1}', '{"\\u0024set":{"a":2}}', '{"a":2}'],
    ['{"a":1}', '{"$set":[1]}', "null"],
    ["[1]", '{"$set":{"0":2}}', "null"],
    ["{}", '{"$set":{}}', "{}"],
  ];
  await appendFile(join(folder, activeOps), lines.map(([data, prev]) => line(data, prev)).join(""));
  await store.open(folder, manual);
  const found = (await collect(store.changes())).slice(1);
  t.deepEqual(
    found.map(({ before }) => JSON.stringify(before)),
    lines.map(([, , before]) => before),
  );
});
