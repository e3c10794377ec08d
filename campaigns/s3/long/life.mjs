/**
 * One life of a writer of the long campaign, in a process of its own. Before a call it notes in its ledger, a file, what it is about to
 * write, and behind the call what it was told; so the ledger is whole up to the moment at which the process is killed.
 */
import { createHash } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const settings = JSON.parse(process.argv[2]);
const {
  endpoint,
  credentials,
  bucket,
  agentId,
  life,
  ledger,
  clockOffsetMs,
  seed,
  maySteal,
  burst: most,
} = settings;

// Before anything else is loaded: this machine's clock is wrong.
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + clockOffsetMs);
    else super(...args);
  }
  static now() {
    return RealDate.now() + clockOffsetMs;
  }
};

const { Store } = await import("../../../index.mjs");
const { s3Backend, s3Client } = await import("../clients.mjs");
const { randomOf } = await import("../proxy.mjs");

const file = openSync(ledger, "a");
const note = (...words) => writeSync(file, `${words.join(" ")}\n`);
const random = randomOf(seed);

let phase = "works";
process.on("message", ({ now }) => (phase = now));
process.on("disconnect", () => process.exit(3));

const client = s3Client(endpoint, credentials);
const limits = { lockTtlMs: 1500, requestTimeoutMs: 1000, attempts: 5, graceMs: 3000 };
const store = new Store();
let number = 0;
let isReplaced = false;

const idOf = (n) => `${life}-${n}`;

/** Notes what a call of one kind on the records from..to is told. */
async function told(kind, from, to, work) {
  note("?", kind, from, to);
  try {
    const isDone = await work();
    note(isDone === false ? "n" : "a", kind, from, to);
    return isDone !== false;
  } catch (error) {
    if (error.code === "OPSLOG_LOCKED") isReplaced = true;
    note(error.code === "OPSLOG_FAILED" ? "u" : "r", kind, from, to, error.code ?? error.name);
    return false;
  }
}

const put = (n) => store.set(idOf(n), { n, life });

async function burst(count) {
  const from = number + 1;
  number += count;
  // Each call is told of by itself: all are noted before the first.
  note("?", "S", from, number);
  const results = await Promise.allSettled(Array.from({ length: count }, (_, at) => put(from + at)));
  const wordOf = ({ status, reason }) =>
    status === "fulfilled" ? "a" : reason.code === "OPSLOG_FAILED" ? "u" : "r";
  if (results.some(({ reason }) => reason?.code === "OPSLOG_LOCKED")) isReplaced = true;
  let start = 0;
  for (let at = 1; at <= results.length; at++) {
    if (at < results.length && wordOf(results[at]) === wordOf(results[start])) continue;
    note(
      wordOf(results[start]),
      "S",
      from + start,
      from + at - 1,
      results[start].reason?.code ?? results[start].reason?.name ?? "",
    );
    start = at;
  }
  return results.every(({ status }) => status === "fulfilled") ? [from, number] : null;
}

let last = null;

async function step() {
  const dice = random();
  if (dice < 0.12) return told("S", ++number, number, () => put(number));
  if (dice < 0.2) {
    const shared = `shared-${Math.floor(random() * 20)}`;
    return store.set(shared, { by: life, n: number }).catch((error) => {
      if (error.code === "OPSLOG_LOCKED") isReplaced = true;
    });
  }
  if (dice < 0.62) {
    last = (await burst(Math.ceil(most / 5 + random() * 0.8 * most))) ?? last;
    return undefined;
  }
  if (dice < 0.72) {
    const from = number + 1;
    number += 50;
    const ids = Array.from({ length: 50 }, (_, at) => from + at);
    return told("S", from, number, () => store.batch(() => ids.forEach((n) => void put(n))));
  }
  if (dice < 0.82 && last !== null) {
    const [from, to] = last;
    last = null;
    const ids = Array.from({ length: to - from + 1 }, (_, at) => idOf(from + at));
    return told("D", from, to, () => store.batch(() => ids.forEach((id) => void store.delete(id))));
  }
  if (dice < 0.9) {
    const n = ++number;
    if (!(await told("S", n, n, () => put(n)))) return undefined;
    return told("U", n, n, () => store.undo());
  }
  if (dice < 0.96) return store.refresh();
  await store.compact();
  note("C");
  return undefined;
}

async function settle() {
  for (let attempt = 0; ; attempt++) {
    try {
      await store.refresh();
      break;
    } catch (error) {
      if (error.code === "OPSLOG_LOCKED" || attempt === 20) return note("H", "-", error.code ?? error.name);
      await delay(100);
    }
  }
  const sorted = [...store.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
  return note("H", createHash("sha256").update(JSON.stringify(sorted)).digest("hex"), sorted.length);
}

async function open() {
  for (let attempt = 0; ; attempt++) {
    const backend = await s3Backend("s3", { client, bucket, prefix: "store", ...limits });
    try {
      // The lock of a single writer has run out when another comes: the two are at work at once.
      if (maySteal) await backend.deleteBlob(".lock");
      await store.open("", { backend, agentId, checkpointOnClose: false, checkpointThreshold: 20_000 });
      return;
    } catch (error) {
      if (error.code === "OPSLOG_CORRUPT") console.error(error);
      if (attempt === 60 || phase !== "works") {
        note("X", error.code ?? error.name, JSON.stringify(error.message.slice(0, 120)));
        process.exit(0);
      }
      await delay(random() * 100);
    }
  }
}

await open();
note("O");
process.send({ opened: true });
while (phase === "works" && !isReplaced) await step().catch(() => {});
if (isReplaced) note("L");
process.send({ rests: true });
while (phase === "works" || phase === "rests") {
  if (isReplaced) break;
  await delay(20);
}
if (phase === "settles") await settle();
await store.close().catch(() => {});
client.destroy();
note("E");
process.disconnect?.();
process.exit(0);
