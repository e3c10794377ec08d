import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import test from "ava";
import { Store } from "../../index.mjs";
import { sessionOptions } from "../helpers/native-calls.mjs";
import { storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const require = createRequire(import.meta.url);
const native = require("../../lib/native/index.js");
const addon = native.load();

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };
const now = 1_700_000_000_000;

/** A store without files. */
const newCore = () => addon.sessionNew(undefined, sessionOptions).store();

/** Every raw call, with what stands behind the handle. */
const calls = {
  setRecord: ["a", "1", now, false],
  deleteRecord: ["a", now, false],
  getRecord: ["a"],
  hasRecord: ["a"],
};

const noHandles = {
  "one that was never given": 2 ** 40 + 12_345,
  zero: 0,
  "a negative one": -1,
  NaN: Number.NaN,
  infinite: Number.POSITIVE_INFINITY,
  "a string": "1048576",
  nothing: undefined,
  "an object": {},
};

for (const [name, rest] of Object.entries(calls)) {
  for (const [title, handle] of Object.entries(noHandles)) {
    test(`${name}() with a handle that is ${title} throws`, (t) => {
      t.throws(() => addon[name](handle, ...rest));
    });
  }

  test(`${name}() without its arguments, or with values of other types, throws and changes nothing`, (t) => {
    const core = newCore();
    t.throws(() => addon[name]());
    t.throws(() => addon[name](core.handle()));
    for (let at = 0; at < rest.length; at += 1) {
      for (const wrong of [undefined, null, {}, Symbol("s"), 1n]) {
        t.throws(() => addon[name](core.handle(), ...rest.with(at, wrong)), undefined, `${at}`);
      }
    }
    t.is(core.count(), 0);
    t.is(core.operationCount(), 0);
  });
}

test("the handle of another thread's store means nothing here", async (t) => {
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const addon = require(workerData.native).load();
    const newCore = () => addon.sessionNew(undefined, workerData.sessionOptions).store();
    const cores = Array.from({ length: 5 }, newCore);
    parentPort.postMessage(cores.map((core) => core.handle()));
    parentPort.once("message", () => parentPort.postMessage(cores.map((core) => core.count())));
  `;
  const worker = new Worker(source, {
    eval: true,
    workerData: { native: require.resolve("../../lib/native/index.js"), sessionOptions },
  });
  const next = () => new Promise((resolve) => worker.once("message", resolve));
  for (const handle of await next()) {
    t.throws(() => addon.setRecord(handle, "a", "1", now, false));
  }
  worker.postMessage("done");
  t.deepEqual(await next(), [0, 0, 0, 0, 0]);
  await worker.terminate();
});

test("two stores never share a handle", (t) => {
  const cores = Array.from({ length: 100 }, newCore);
  t.is(new Set(cores.map((core) => core.handle())).size, 100);
  cores.forEach((core, index) => addon.setRecord(core.handle(), `id-${index}`, `${index}`, now, false));
  cores.forEach((core, index) => t.is(addon.getRecord(core.handle(), `id-${index}`), `${index}`));
});

const characters = {
  "of one byte": "x",
  "of two bytes": "\u00e9",
  "of three bytes": "\u20ac",
  "of four bytes": "\u{1f600}",
  "that is half of a pair": "\ud83d",
  "that is U+FFFD": "\ufffd",
  "that is NUL": "\0",
};
// Around the sizes at which strings are measured first, or get more room.
const lengths = [1, 1360, 1365, 1366, 2047, 2048, 4087, 4088, 4091, 4092, 4093, 4095, 4096, 4097, 9000];

for (const [title, character] of Object.entries(characters)) {
  test(`ids and values that end with a character ${title} come back at every length`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, manual);
    const expected = [];
    for (const length of lengths) {
      for (const body of ["x", character]) {
        const text = `${body.repeat(length - 1)}${character}`;
        const id = `${length} ${text}`;
        if (store.has(id)) continue;
        await store.set(id, { text });
        t.true(store.has(id));
        t.deepEqual(store.get(id), { text });
        expected.push([id, { text }]);
      }
    }
    t.deepEqual(store.entries(), expected);
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), expected);
  });
}

everywhere("a short string after a long one is read as it is", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  for (const text of ["y".repeat(3_000_000), "\u20ac".repeat(700_000), "z"]) {
    await store.set(text, text);
    await store.set("last", text);
    t.is(store.get("last"), text);
  }
  t.is(store.count(), 4);
  await store.close();
});
