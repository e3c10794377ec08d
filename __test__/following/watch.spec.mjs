/** watch(): how often it looks, and what it takes for an interval. */
import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { until } from "../helpers/until.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

/** A reader through a backend that counts its looks, and holds them when it is told to. */
async function openSlowReader(t) {
  const bucket = memoryBucket();
  const writer = await openOurs(t, { backend: memoryBackend(bucket) });
  await writer.store.set("a", { n: 1 });
  const backend = memoryBackend(bucket);
  const { store } = await openOurs(t, { backend, readOnly: true });
  const looks = { begun: 0, hold: null };
  backend.before = async (method) => {
    if (method !== "readManifest") return;
    looks.begun++;
    await looks.hold;
  };
  return { store, looks };
}

/** Lets timers run for a while; how long does not matter. */
async function timersRun() {
  for (let n = 0; n < 30; n++) await delay(1);
}

everywhere(
  "watch(), a look takes longer than the interval, begins none before it ended, and none after unwatch()",
  async (t) => {
    const { store, looks } = await openSlowReader(t);
    let release;
    looks.hold = new Promise((resolve) => (release = resolve));
    store.watch(() => {}, 1);
    await until(() => looks.begun > 0);
    await timersRun();
    store.unwatch();
    release();
    await store.close();
    t.is(looks.begun, 1);
  },
);

everywhere("watch(), a look took longer than the interval, goes on looking", async (t) => {
  const { store, looks } = await openSlowReader(t);
  let release;
  looks.hold = new Promise((resolve) => (release = resolve));
  store.watch(() => {}, 1);
  await timersRun();
  release();
  await until(() => looks.begun > 3);
  t.pass();
});

for (const interval of [2 ** 31, 30 * 24 * 3600 * 1000, Number.MAX_VALUE]) {
  everywhere(`watch() with an interval of ${interval} ms does not look before that`, async (t) => {
    const warnings = [];
    const warned = (warning) => warnings.push(warning.name);
    process.on("warning", warned);
    const { store, looks } = await openSlowReader(t);
    store.watch(() => {}, interval);
    await timersRun();
    process.off("warning", warned);
    t.is(looks.begun, 0);
    t.false(warnings.includes("TimeoutOverflowWarning"));
  });
}

const refused = [
  [NaN, "RangeError", "intervalMs must be a number of milliseconds from 0 on, got NaN"],
  [Infinity, "RangeError", "intervalMs must be a number of milliseconds from 0 on, got Infinity"],
  [-1, "RangeError", "intervalMs must be a number of milliseconds from 0 on, got -1"],
  ["1s", "TypeError", "intervalMs must be a number, got string"],
  [{}, "TypeError", "intervalMs must be a number, got object"],
  [1n, "TypeError", "intervalMs must be a number, got bigint"],
];

for (const [interval, name, message] of refused) {
  everywhere(
    `watch() with the interval ${String(interval)} throws a ${name} and keeps what is watched`,
    async (t) => {
      const { store } = await openOurs(t);
      const reader = new Store();
      t.throws(() => reader.watch(() => {}, interval), { code: "OPSLOG_NOT_OPEN" });
      t.throws(() => store.watch(() => {}, interval), { name, code: "OPSLOG_INVALID_ARGUMENT", message });
    },
  );
}

test("watch() in a folder in which nothing changes hardly looks, and tells what comes", async (t) => {
  const { store, folder } = await openOurs(t);
  await store.set("before", { n: 0 });
  const { store: reader } = await openOurs(t, { folder, readOnly: true });
  const told = [];
  const { tail } = reader;
  let looks = 0;
  reader.tail = function () {
    looks++;
    return tail.call(this);
  };
  reader.watch((operations) => told.push(...operations), 1);
  await until(() => looks > 1);
  const before = performance.now();
  for (let n = 0; n < 10; n++) await timersRun();
  // Once a second, where no notice comes.
  t.true(looks <= 5 + (performance.now() - before) / 500, `${looks} looks`);
  for (let n = 0; n < 5; n++) {
    await store.set("a", { n });
    await until(() => told.length > n);
  }
  t.deepEqual(
    told.map(({ data }) => data.n),
    [0, 1, 2, 3, 4],
  );
  reader.unwatch();
});

test("watch() refused leaves an earlier one in force", async (t) => {
  const { store, folder } = await openOurs(t);
  const reader = await openOurs(t, { folder, readOnly: true });
  const told = [];
  reader.store.watch((operations) => told.push(...operations), 1);
  t.throws(() => reader.store.watch(() => {}, NaN));
  t.throws(() => reader.store.watch("callback"), {
    name: "TypeError",
    code: "OPSLOG_INVALID_ARGUMENT",
    message: "watch() takes a function, got string",
  });
  await store.set("a", { n: 1 });
  await until(() => told.length > 0);
  t.is(told[0].id, "a");
});

everywhere("watch() with the interval undefined, null or 0 looks", async (t) => {
  for (const interval of [undefined, null, 0]) {
    const { store, looks } = await openSlowReader(t);
    t.notThrows(() => store.watch(() => {}, interval));
    if (interval === 0) await until(() => looks.begun > 1);
  }
});
