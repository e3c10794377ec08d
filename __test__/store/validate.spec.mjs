import test from "ava";
import fc from "fast-check";
import validate from "../../lib/operations/validate.js";
import { original } from "../helpers/original.mjs";

const stats = {
  activeRecords: 1,
  archivedRecords: 0,
  opsCount: 2,
  created: "2020-01-01T00:00:00.000Z",
  lastCheckpoint: "2020-01-01T00:00:00.000Z",
};

const valid = {
  validateOp: [
    { ts: "t", op: "set", id: "a", prev: null, data: { x: 1 } },
    {
      ts: "t",
      op: "set",
      id: "a",
      prev: { $unset: ["x"] },
      data: [],
      encoding: "delta",
      agent: "b",
      clock: 0,
    },
    { ts: "t", op: "delete", id: "a", prev: {} },
  ],
  validateManifest: [
    { version: 1, currentSnapshot: "s", activeOps: "o", archiveSegments: [], stats },
    {
      version: 7,
      currentSnapshot: "s",
      activeOps: "o",
      activeAgentOps: { a: "x" },
      archiveSegments: ["z"],
      stats,
    },
  ],
  validateSnapshot: [{ version: 1, timestamp: "t", records: { a: 1 } }],
  validateArchiveSegment: [{ version: 1, period: "p", timestamp: "t", records: {} }],
};

const wrong = [undefined, null, "", "x", 0, -1, 1.5, NaN, Infinity, true, [], [1], [""], {}, { a: "" }];

/** What a validator does with a value: its result, or its message. */
function outcome(validator, value) {
  try {
    return { result: validator(value) };
  } catch (error) {
    return { message: error.message };
  }
}

/** The value with one of its fields, or of its stats' fields, replaced or removed. */
function* variations(value) {
  for (const key of [...Object.keys(value), "encoding", "agent", "clock", "activeAgentOps", "data"]) {
    for (const other of wrong) yield { ...value, [key]: other };
    const { [key]: _removed, ...rest } = value;
    yield rest;
  }
  for (const key of Object.keys(value.stats ?? {})) {
    for (const other of wrong) yield { ...value, stats: { ...value.stats, [key]: other } };
  }
}

for (const [name, examples] of Object.entries(valid)) {
  test(`${name}(), with valid values, returns them`, (t) => {
    for (const example of examples) t.is(validate[name](example), example);
  });

  test(`${name}(), with something that is no object, says so`, (t) => {
    for (const value of wrong) {
      t.deepEqual(outcome(validate[name], value), outcome(original[name], value));
    }
  });

  test(`${name}(), with one field wrong, says what 0.8.1 says, with a code`, (t) => {
    let refused = 0;
    for (const example of examples) {
      for (const variation of variations(example)) {
        const ours = outcome(validate[name], variation);
        t.deepEqual(ours, outcome(original[name], variation));
        if (ours.message === undefined) continue;
        refused += 1;
        t.throws(() => validate[name](variation), { code: "OPSLOG_CORRUPT" });
      }
    }
    t.true(refused > 20);
  });

  test(`${name}(), with several fields wrong, names the one that 0.8.1 names`, (t) => {
    const fields = fc.constantFrom(...Object.keys(examples.at(-1)), "encoding", "clock");
    fc.assert(
      fc.property(fc.dictionary(fields, fc.constantFrom(...wrong)), (changes) => {
        const value = { ...examples.at(-1), ...changes };
        t.deepEqual(outcome(validate[name], value), outcome(original[name], value));
      }),
      { numRuns: 500 },
    );
    t.pass();
  });
}
