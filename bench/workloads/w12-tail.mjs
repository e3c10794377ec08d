import { setTimeout as delay } from "node:timers/promises";
import { startPart } from "../children.mjs";
import { spread } from "../measure.mjs";
import { makeId, makePool } from "../record.mjs";

const TICK_MS = 10;

// One clock for all processes of a machine, as `performance.now()` is not.
const clockMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Writes so many operations in so many milliseconds, some every tick, each with the time at which it was set. */
async function writer({ store, folder, variant }) {
  const handle = await store.open(folder);
  const pool = makePool(variant.bytes);
  const set = (n) => handle.set(makeId(n), { ...pool[n % pool.length], at: clockMs() });
  await set(0);
  const asked = new Promise((resolve) => process.once("message", resolve));
  process.send("ready");
  await asked;
  const started = clockMs();
  for (let n = 1; n < variant.operations;) {
    const due = Math.min(
      variant.operations,
      ((clockMs() - started) / variant.milliseconds) * variant.operations,
    );
    for (; n < due; n += 1) await set(n);
    await delay(TICK_MS);
  }
  const done = new Promise((resolve) => process.once("message", resolve));
  await done;
  await handle.close();
}

/** What a look found, as the times at which the records were set, and the last id. */
function newsOf(found) {
  const entries = found.map((item) => (Array.isArray(item) ? item : [item.id, item.data]));
  return { times: entries.map(([, record]) => record.at), last: entries.at(-1)?.[0] };
}

const followers = {
  async live(store, told) {
    for await (const { id, value } of store.changes({ after: store.position, live: true }))
      told([{ id, data: value }]);
  },
  async watch(store, told) {
    store.watch(told, 1);
  },
};

/** Follows by the notifications of the system, of the writer or of nothing. */
async function runNotified(context) {
  const { store, folder, variant } = context;
  const other = startPart(context, "writer");
  await other.heard();
  const handle = await store.open(folder, { readOnly: true });
  const lags = [];
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const following = followers[variant.how](handle.native, (operations) => {
    const now = clockMs();
    for (const { data } of operations) lags.push(now - data.at);
    if (lags.length >= variant.operations - 1) done();
  });
  // What comes first is no part of it, nor is what V8 does about that some seconds later.
  globalThis.gc?.();
  await delay(10_000);
  const idle = process.cpuUsage();
  await delay(variant.idleMs);
  const { user: idleUser, system: idleSystem } = process.cpuUsage(idle);
  const cpu = process.cpuUsage();
  other.send("go");
  await all;
  const { user, system } = process.cpuUsage(cpu);
  await handle.close();
  await following;
  other.send("end");
  await other.ended;
  const { p50Us, p99Us, maxMs } = spread(lags);
  return {
    cpuMs: (user + system) / 1000,
    idlePercent: ((idleUser + idleSystem) / 1000 / variant.idleMs) * 100,
    ...{ lagP50Ms: p50Us / 1000, lagP99Ms: p99Us / 1000, lagMaxMs: maxMs },
  };
}

async function run(context) {
  const { store, folder, variant } = context;
  if (variant.how !== undefined) return runNotified(context);
  const other = startPart(context, "writer");
  await other.heard();
  const handle = await store.open(folder, { readOnly: true });
  const cpu = process.cpuUsage();
  const lags = [];
  const looks = [];
  let last = makeId(0);
  other.send("go");
  while (lags.length < variant.operations - 1) {
    await delay(TICK_MS);
    const began = clockMs();
    const news = newsOf(await handle.since(last));
    const now = clockMs();
    looks.push(now - began);
    for (const at of news.times) lags.push(now - at);
    last = news.last ?? last;
  }
  const { user, system } = process.cpuUsage(cpu);
  await handle.close();
  other.send("end");
  await other.ended;
  const { p50Us, p99Us, maxMs } = spread(lags);
  const lag = { lagP50Ms: p50Us / 1000, lagP99Ms: p99Us / 1000, lagMaxMs: maxMs };
  return { cpuMs: (user + system) / 1000, ...lag, lookP50Us: spread(looks).p50Us };
}

export default {
  id: "W12",
  title: "Tail",
  text:
    "A reader looks every 10 ms for what is new while another process writes at a steady pace. 0.8.1 and this " +
    "package: `tail()` of a read-only store; lmdb and better-sqlite3: the range of ids after the last one. CPU " +
    "time is the reader's; lag is from before `set()` to after the look that shows it. Live: `changes({ live: true })`, and watch: " +
    "`watch(callback, 1)`, both of which wait for the system's notifications.",
  note: "Most of the reader's time is spent in V8: `JSON.parse` of each new operation, and the timer that wakes it. The look itself is four system calls when nothing is new. 0.8.1 reads the whole log each time. `changes({ live: true })` and `watch()` wait for the system's notifications.",
  variants: [
    { name: "10 k in 2 s", bytes: 180, operations: 10_000, milliseconds: 2000, repeats: 2 },
    {
      name: "100 k in 20 s",
      bytes: 180,
      operations: 100_000,
      milliseconds: 20_000,
      repeats: 2,
      repeatsOf: { original: 1 },
      slow: true,
    },
    ...["live", "watch"].map((how) => ({
      name: `${how}, 1 k in 2 s`,
      how,
      idleMs: 10_000,
      bytes: 180,
      operations: 1000,
      milliseconds: 2000,
      repeats: 2,
      stores: ["ours"],
    })),
  ],
  stores: ["ours", "original", "lmdb", "better-sqlite3"],
  figures: {
    cpuMs: "CPU of the reader, ms",
    lagP50Ms: "lag p50, ms",
    lagP99Ms: "lag p99, ms",
    lagMaxMs: "longest lag, ms",
    lookP50Us: "a look p50, us",
    idlePercent: "CPU while nothing comes, %",
  },
  main: "cpuMs",
  run,
  parts: { writer },
  headlines: [
    { variant: "100 k in 20 s", figure: "cpuMs", title: "CPU to follow 100 k operations for 20 s, ms" },
  ],
  targets: [
    { variant: "100 k in 20 s", figure: "cpuMs", times: 40, than: "original" },
    { variant: "100 k in 20 s", figure: "cpuMs", atMost: 300 },
    { variant: "100 k in 20 s", figure: "lagP99Ms", atMost: 20 },
    ...["live", "watch"].flatMap((how) => [
      { variant: `${how}, 1 k in 2 s`, figure: "idlePercent", atMost: 0.1 },
      { variant: `${how}, 1 k in 2 s`, figure: "lagP50Ms", atMost: 5 },
      { variant: `${how}, 1 k in 2 s`, figure: "lagP99Ms", atMost: 20 },
    ]),
  ],
};
