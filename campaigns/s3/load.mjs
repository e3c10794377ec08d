/**
 * Several writers on one store in a bucket, some of them killed in mid-write; then a count of the acknowledged
 * writes that are there.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Store } from "../../index.mjs";
import { createBucket, s3Backend, s3Client } from "./clients.mjs";

const program = fileURLToPath(new URL("./writer.mjs", import.meta.url));

/** What a writer, through all its processes, has begun and what was acknowledged to it. */
class Ledger {
  last = new Map();
  shared = [];
  began = new Map();
  acknowledged = 0;
  failures = {};
  next = 1;

  take(message) {
    for (const write of message.began ?? []) {
      this.began.set(write.n, write);
      this.next = Math.max(this.next, write.n + 1);
      const { open = [] } = this.last.get(write.id) ?? {};
      this.last.set(write.id, { ...this.last.get(write.id), open: [...open, write] });
    }
    if (message.failed) this.failures[message.failed] = (this.failures[message.failed] ?? 0) + 1;
    for (const n of message.done ?? []) this.#acknowledge(this.began.get(n), message);
  }

  #acknowledge(write, { applied, clock }) {
    this.acknowledged += 1;
    const entry = this.last.get(write.id);
    const open = entry.open.filter(({ n }) => n > write.n);
    // An undo that had nothing to take back changed nothing.
    this.last.set(write.id, applied === false ? { ...entry, open } : { open, sure: write });
    this.began.delete(write.n);
    if (write.id.startsWith("shared-")) this.shared.push({ ...write, clock: clock ?? write.n });
  }
}

function startWriter(ledger, settings) {
  const child = fork(program, [JSON.stringify(settings)], { stdio: ["ignore", "inherit", "pipe", "ipc"] });
  const writer = { child, opened: false, closed: false, errors: "" };
  child.stderr.on("data", (chunk) => (writer.errors = (writer.errors + chunk).slice(-4000)));
  child.on("message", (message) => {
    if (message.opened) writer.opened = true;
    if (message.closed) writer.closed = true;
    ledger.take(message);
  });
  writer.ended = once(child, "close");
  return writer;
}

function stop({ child }) {
  if (child.connected) child.send({ stop: true }, () => {});
}

/** Whether a record is as it must be: as the last acknowledged write left it, or as a later one that may count. */
function isRight(value, { sure, open }) {
  const allowed = [...open.map((write) => write.value), ...(sure ? [sure.value] : [])];
  // Nothing was acknowledged: the record need not be there.
  if (!sure) allowed.push(null);
  return allowed.includes(value);
}

/** Shared records: the acknowledged write with the highest clock, or one that was not acknowledged. */
function sharedLosses(ledgers, entries) {
  const unsure = new Set();
  const highest = new Map();
  for (const [agentId, ledger] of ledgers) {
    for (const { id, value } of ledger.began.values()) if (id.startsWith("shared-")) unsure.add(value);
    for (const write of ledger.shared) {
      const before = highest.get(write.id);
      const isHigher =
        !before || write.clock > before.clock || (write.clock === before.clock && agentId > before.agentId);
      if (isHigher) highest.set(write.id, { ...write, agentId });
    }
  }
  return [...highest.values()].filter(({ id, value }) => {
    const found = entries.get(id)?.n;
    return found !== value && !unsure.has(found);
  });
}

/** What a fresh reader finds. */
async function readAll(settings) {
  const client = s3Client(settings.endpoint, settings.credentials);
  const { kind, bucket, lockTtlMs } = settings;
  const backend = await s3Backend(kind, { client, bucket, lockTtlMs, prefix: "store" });
  const store = new Store();
  await store.open("ignored", { backend, readOnly: true });
  const entries = new Map(store.entries());
  const manifest = await backend.readManifest();
  await store.close();
  client.destroy();
  return { entries, snapshots: manifest.retired?.at(-1)?.snapshot ?? 0 };
}

/**
 * Runs the load: for some seconds once all writers are open, and until enough is acknowledged. `agents` may be 0
 * for a single writer without an agentId. Returns the counts; `lost` names what was
 * acknowledged and is not there.
 */
export async function runLoad({
  kind,
  endpoint,
  credentials,
  agents,
  seconds,
  atLeast = 0,
  killEveryMs = Infinity,
  threshold = 25,
  lockTtlMs = 3000,
  pauseMs = 5,
  progress = () => {},
}) {
  const bucket = `load-${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
  const client = s3Client(endpoint, credentials);
  await createBucket(client, bucket);
  client.destroy();
  const settings = { kind, endpoint, credentials, bucket, lockTtlMs };
  const names = agents === 0 ? [undefined] : Array.from({ length: agents }, (_, n) => `agent${n}`);
  const ledgers = new Map(names.map((name) => [name, new Ledger()]));
  const counts = { kills: 0, restarts: 0, crashes: [] };
  const writers = new Map();
  let isOver = false;
  const start = (agentId) => {
    const more = { agentId, threshold, first: ledgers.get(agentId).next, pauseMs };
    const writer = startWriter(ledgers.get(agentId), { ...settings, ...more });
    writers.set(agentId, writer);
    return writer.ended.then(async () => {
      if (!writer.closed && !writer.killed) counts.crashes.push(writer.errors);
      writer.closed = true;
      if (isOver || counts.crashes.length > 10) return;
      counts.restarts += 1;
      // The lock of a single writer outlives it for a while.
      await delay(agentId === undefined ? lockTtlMs : 50);
      if (!isOver) await start(agentId);
    });
  };
  const running = Promise.all(names.map(start));
  const acknowledged = () => [...ledgers.values()].reduce((total, ledger) => total + ledger.acknowledged, 0);
  while (![...writers.values()].every(({ opened, closed }) => opened || closed)) await delay(50);
  const [from, limit] = [Date.now(), Date.now() + Math.max(4 * seconds, 60) * 1000];
  const isDone = () => {
    const isEnough = acknowledged() >= atLeast && counts.kills >= (killEveryMs < Infinity ? 1 : 0);
    return Date.now() >= limit || (Date.now() - from >= seconds * 1000 && isEnough);
  };
  let [nextKill, nextReport] = [from + killEveryMs, from + 10_000];
  while (!isDone()) {
    await delay(20);
    if (Date.now() >= nextReport) {
      progress(acknowledged());
      nextReport += 10_000;
    }
    if (Date.now() < nextKill) continue;
    nextKill = Date.now() + killEveryMs * (0.5 + Math.random());
    const open = [...writers.values()].filter(({ opened, closed, killed }) => opened && !closed && !killed);
    const victim = open[Math.floor(Math.random() * open.length)];
    if (!victim) continue;
    victim.killed = true;
    counts.kills += 1;
    victim.child.kill("SIGKILL");
  }
  isOver = true;
  for (const writer of writers.values()) stop(writer);
  await running;
  const { entries, snapshots } = await readAll(settings);
  return summary({ ledgers, entries, snapshots, counts });
}

function summary({ ledgers, entries, snapshots, counts }) {
  const result = {
    acknowledged: 0,
    unanswered: 0,
    records: entries.size,
    snapshots,
    ...counts,
    failures: {},
    lost: [],
  };
  for (const ledger of ledgers.values()) {
    result.acknowledged += ledger.acknowledged;
    result.unanswered += ledger.began.size;
    for (const [code, count] of Object.entries(ledger.failures)) {
      result.failures[code] = (result.failures[code] ?? 0) + count;
    }
    for (const [id, entry] of ledger.last) {
      if (id.startsWith("shared-")) continue;
      const value = entries.has(id) ? entries.get(id).n : null;
      if (!isRight(value, entry)) result.lost.push({ id, value, ...entry });
    }
  }
  result.lost.push(...sharedLosses(ledgers, entries));
  return result;
}
