import test from "ava";
import optionsModule from "../../lib/arguments/options.js";
import backendModule from "../../lib/fs/backend.js";

const { parseOptions } = optionsModule;

const names = [
  "checkpointThreshold",
  "checkpointOnClose",
  "version",
  "migrate",
  "readOnly",
  "skipLoad",
  "backend",
  "agentId",
  "writeMode",
  "groupCommitSize",
  "groupCommitMs",
  "cacheSize",
  "durability",
  "locking",
  "recovery",
  "syncIntervalMs",
  "backendTimeoutMs",
  "strictJson",
  "replacer",
  "reviver",
];

const defaults = {
  checkpointThreshold: 100,
  checkpointThresholdGiven: false,
  checkpointOnClose: true,
  checkpointOnCloseGiven: false,
  cacheSize: Infinity,
  durability: "process",
  locking: "kernel",
  recovery: "skip",
  syncIntervalMs: 1000,
  backendTimeoutMs: Infinity,
  version: 1,
  versionGiven: false,
  readOnly: false,
  skipLoad: false,
  agentId: undefined,
  backend: undefined,
  writeMode: "immediate",
  onProgress: undefined,
  retain: undefined,
  keepUndo: 0,
  indexes: undefined,
  groupCommitSize: 50,
  groupCommitMs: 100,
};

const fixed = (parsed) => {
  const { migrate, codec, ...rest } = parsed;
  return rest;
};

test("parseOptions(), without options, gives the defaults", (t) => {
  t.deepEqual(fixed(parseOptions()), defaults);
  t.deepEqual(fixed(parseOptions(null)), defaults);
  t.is(parseOptions().migrate("record", 1), "record");
  t.true(parseOptions().codec.isPlain);
});

test("parseOptions(), with every option undefined or null, gives the defaults", (t) => {
  for (const value of [undefined, null]) {
    t.deepEqual(fixed(parseOptions(Object.fromEntries(names.map((name) => [name, value])))), defaults);
  }
});

test("parseOptions(), with options it does not know, ignores them", (t) => {
  t.deepEqual(fixed(parseOptions({ unknown: 1 })), defaults);
});

test("parseOptions(), with any options, returns a frozen object", (t) => {
  t.true(Object.isFrozen(parseOptions({ readOnly: true })));
});

test("parseOptions(), with usable options, takes them over", (t) => {
  const backend = new backendModule.FsBackend();
  const migrate = () => ({});
  const parsed = parseOptions({
    checkpointThreshold: 7,
    checkpointOnClose: false,
    version: 2 ** 31 - 1,
    migrate,
    backend,
    writeMode: "async",
    groupCommitSize: 1,
    groupCommitMs: 0.5,
  });
  t.like(parsed, {
    checkpointThreshold: 7,
    checkpointThresholdGiven: true,
    checkpointOnClose: false,
    checkpointOnCloseGiven: true,
    version: 2 ** 31 - 1,
    migrate,
    writeMode: "async",
    groupCommitSize: 1,
    groupCommitMs: 0.5,
  });
  t.is(parsed.backend, backend);
});

test("parseOptions(), with a threshold that 0.8.1 gave a meaning, takes it over", (t) => {
  for (const checkpointThreshold of [Infinity, -Infinity, 0, -5, 0.5]) {
    t.is(parseOptions({ checkpointThreshold }).checkpointThreshold, checkpointThreshold);
  }
});

test("parseOptions(), with falsy sizes for group commits, gives the defaults, as 0.8.1", (t) => {
  for (const value of [0, NaN, false, ""]) {
    const { groupCommitSize, groupCommitMs } = parseOptions({ groupCommitSize: value, groupCommitMs: value });
    t.deepEqual([groupCommitSize, groupCommitMs], [50, 100]);
  }
});

const wrongTypes = {
  checkpointThreshold: ["100", true, {}, 1n],
  checkpointOnClose: ["true", 0, 1],
  version: ["1", true, {}],
  cacheSize: ["1", true, {}],
  durability: ["never", "", 1, true, {}],
  recovery: ["Strict", "", 1, true, {}],
  syncIntervalMs: ["1000", true, {}],
  backendTimeoutMs: ["1000", true, {}],
  migrate: [{}, "migrate", 1],
  readOnly: ["true", 1, {}],
  skipLoad: ["", 0],
  backend: ["fs", 1, true, {}, []],
  agentId: [1, true, {}, []],
  writeMode: ["Group", "", 1, {}],
  groupCommitSize: ["50", {}, true],
  groupCommitMs: ["100", [], true],
};

for (const [name, values] of Object.entries(wrongTypes)) {
  test(`parseOptions(), with ${name} of a wrong type, throws a TypeError that names it`, (t) => {
    for (const value of values) {
      const error = t.throws(() => parseOptions({ [name]: value }), {
        code: "OPSLOG_INVALID_ARGUMENT",
        instanceOf: TypeError,
      });
      t.true(error.message.includes(name), error.message);
    }
  });
}

const outOfRange = {
  checkpointThreshold: [NaN],
  version: [0, -1, 1.5, NaN, Infinity, 2 ** 31],
  agentId: ["", ".", "..", "a/b", "a\\b", "a\0", "\t", "\u009f", ".hidden", "x".repeat(151), "\ud800"],
  groupCommitSize: [-1, Infinity, -Infinity],
  groupCommitMs: [-1, Infinity, 2 ** 31],
  syncIntervalMs: [0, -1, NaN, Infinity, 2 ** 31],
  backendTimeoutMs: [0, -1, NaN, -Infinity, 2 ** 31],
};

for (const [name, values] of Object.entries(outOfRange)) {
  test(`parseOptions(), with ${name} out of range, throws a RangeError that names it`, (t) => {
    for (const value of values) {
      const error = t.throws(() => parseOptions({ [name]: value }), {
        code: "OPSLOG_INVALID_ARGUMENT",
        instanceOf: RangeError,
      });
      t.true(error.message.includes(name), error.message);
    }
  });
}

test("parseOptions(), with options that are no object, throws a TypeError", (t) => {
  t.throws(() => parseOptions("readOnly"), { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: TypeError });
});

test("parseOptions(), with a backend that lacks methods, names them", (t) => {
  const backend = { ...methodsOf(), appendOps: undefined, readOps: 1 };
  const error = t.throws(() => parseOptions({ backend }), { instanceOf: TypeError });
  t.regex(error.message, /readOps, appendOps$/);
});

test("parseOptions(), with a backend that lacks only what this store never calls, takes it", (t) => {
  const { writeBlob, listBlobs, acquireCompactionLock, createAgentOpsFile, ...backend } = methodsOf();
  t.is(parseOptions({ backend }).backend, backend);
  t.throws(() => parseOptions({ backend, agentId: "a" }), {
    message: /createAgentOpsFile, acquireCompactionLock/,
  });
  const { appendOps, acquireLock, ...reader } = backend;
  t.is(parseOptions({ backend: reader, readOnly: true }).backend, reader);
});

test("parseOptions(), with skipLoad, switches checkpoints off whatever else is asked for", (t) => {
  const parsed = parseOptions({ skipLoad: true, checkpointOnClose: true, checkpointThreshold: 1 });
  t.false(parsed.checkpointOnClose);
  t.is(parsed.checkpointThreshold, Infinity);
});

test.serial("parseOptions(), with writeMode and agentId, prints 0.8.1's line and writes immediately", (t) => {
  const lines = [];
  const { error } = console;
  console.error = (line) => lines.push(line);
  try {
    for (const writeMode of ["group", "async", "immediate"]) {
      t.is(parseOptions({ writeMode, agentId: "a" }).writeMode, "immediate");
    }
  } finally {
    console.error = error;
  }
  t.deepEqual(lines, [
    "opslog: writeMode 'group' is not compatible with multi-writer (agentId). Using 'immediate'.",
    "opslog: writeMode 'async' is not compatible with multi-writer (agentId). Using 'immediate'.",
  ]);
});

/** An object with every method of a backend. */
function methodsOf() {
  const prototype = backendModule.FsBackend.prototype;
  return Object.fromEntries(Object.getOwnPropertyNames(prototype).map((name) => [name, prototype[name]]));
}
