import test from "ava";
import fc from "fast-check";
import delta from "../../lib/operations/delta.js";
import { original } from "../helpers/original.mjs";

const { createDelta, applyDelta, isDeltaSmaller } = delta;

const parsed = (text) => JSON.parse(text);
const awkward = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", ""];

test("createDelta(), without an old record, returns null", (t) => {
  t.is(createDelta(null, { a: 1 }), null);
});

test("createDelta(), with equal records, returns null", (t) => {
  t.is(createDelta({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }), null);
});

test("createDelta(), with changed, removed and added fields, returns what leads back", (t) => {
  const patch = createDelta(
    { kept: 1, changed: "old", removed: true },
    { kept: 1, changed: "new", added: 0 },
  );
  t.deepEqual(patch, { $set: { changed: "old", removed: true }, $unset: ["added"] });
});

test("createDelta(), with only added fields, has no $set", (t) => {
  t.deepEqual(createDelta({}, { a: 1 }), { $unset: ["a"] });
});

for (const name of awkward) {
  test(`createDelta(), with a field named ${JSON.stringify(name)} added, unsets it`, (t) => {
    const added = parsed(`{"x":1,${JSON.stringify(name)}:2}`);
    t.deepEqual(createDelta({ x: 1 }, added), { $unset: [name] });
  });

  test(`applyDelta(), with a field named ${JSON.stringify(name)} removed, restores it`, (t) => {
    const old = parsed(`{"x":1,${JSON.stringify(name)}:{"y":2}}`);
    const restored = applyDelta({ x: 1 }, createDelta(old, { x: 1 }));
    t.is(JSON.stringify(restored), JSON.stringify(old));
    t.true(Object.hasOwn(restored, name));
    t.is(Object.getPrototypeOf(restored), Object.prototype);
  });
}

test("applyDelta(), with any patch, leaves the record as it was", (t) => {
  const record = Object.freeze({ a: 1, b: 2 });
  t.deepEqual(applyDelta(record, { $set: { a: 0 }, $unset: ["b"] }), { a: 0 });
  t.deepEqual(record, { a: 1, b: 2 });
});

test("applyDelta(), with an empty patch, returns a copy", (t) => {
  const record = { a: 1 };
  const copy = applyDelta(record, {});
  t.deepEqual(copy, record);
  t.not(copy, record);
});

test("isDeltaSmaller(), with null on either side, returns false", (t) => {
  t.false(isDeltaSmaller(null, { a: 1 }));
  t.false(isDeltaSmaller({ $unset: ["a"] }, null));
});

test("isDeltaSmaller(), with texts of equal length, returns false", (t) => {
  const record = { abcdefghij: 1 };
  const patch = { $unset: ["x"] };
  t.is(JSON.stringify(patch).length, JSON.stringify(record).length);
  t.false(isDeltaSmaller(patch, record));
  t.true(isDeltaSmaller(patch, { ...record, more: 1 }));
});

const record = fc.dictionary(fc.constantFrom("a", "b", "c", "dd", "é", "10", "2"), fc.jsonValue(), {
  noNullPrototype: true,
});

test("createDelta(), applyDelta() and isDeltaSmaller(), with any two records, do as 0.8.1", (t) => {
  fc.assert(
    fc.property(record, record, (old, current) => {
      const patch = createDelta(old, current);
      t.deepEqual(patch, original.createDelta(old, current));
      t.is(isDeltaSmaller(patch, old), original.isDeltaSmaller(patch, old));
      if (patch !== null) t.deepEqual(applyDelta(current, patch), original.applyDelta(current, patch));
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

const anyRecord = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom(...awkward)), fc.jsonValue(), {
  noNullPrototype: true,
});

test("applyDelta(), with the delta of any two records, gives the old one back", (t) => {
  fc.assert(
    fc.property(anyRecord, anyRecord, (old, current) => {
      const before = parsed(JSON.stringify(old));
      const after = parsed(JSON.stringify(current));
      const patch = createDelta(before, after);
      const restored = patch === null ? after : applyDelta(after, patch);
      const fields = (value) => Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
      t.is(JSON.stringify(fields(restored)), JSON.stringify(fields(before)));
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
