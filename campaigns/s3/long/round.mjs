/**
 * A round of the long campaign: processes of writers on one store in a bucket of its own, each behind a proxy of its own on a loopback
 * address of its own; they are killed, stopped and replaced, and their requests come to harm. When all is quiet, every process that is
 * left, a follower and a fresh reader must agree with each other and with what the writers were told.
 */
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Store } from "../../../index.mjs";
import { createBucket, s3Backend, s3Client } from "../clients.mjs";
import { FAULT_NAMES, randomOf, startProxy } from "../proxy.mjs";
import { compare, readLedger } from "./ledger.mjs";

const programs = Object.fromEntries(
  ["life", "follower"].map((name) => [name, fileURLToPath(new URL(`./${name}.mjs`, import.meta.url))]),
);
/** Single writers that are at work at once, each in the belief that it is alone. */
const SINGLE_WRITERS = 3;
const DAY_MS = 86_400_000;

class Process {
  opened = false;
  rests = false;
  ended = false;
  stopped = false;
  errors = "";

  constructor(program, settings) {
    const options = { stdio: ["ignore", "inherit", "pipe", "ipc"], execArgv: ["--no-warnings"] };
    this.child = fork(programs[program], [JSON.stringify(settings)], options);
    this.child.stderr.on("data", (chunk) => (this.errors = (this.errors + chunk).slice(-2000)));
    this.child.on("message", (message) => Object.assign(this, message));
    this.over = once(this.child, "close").then(() => (this.ended = true));
  }

  tell(now) {
    if (this.child.connected) this.child.send({ now }, () => {});
  }

  signal(name) {
    this.stopped = name === "SIGSTOP";
    this.child.kill(name);
  }
}

async function until(isSo, limitMs, what) {
  const limit = Date.now() + limitMs;
  while (!isSo()) {
    if (Date.now() > limit) throw new Error(`${what} takes more than ${limitMs} ms`);
    await delay(20);
  }
}

/** Of the processes that are still opening their store when a kill comes to them, so many are killed. */
const KILLED_WHILE_OPENING = 0.3;

/** Runs a round; `agents` is 0 for single writers that replace each other. Returns counts, and what is wrong. */
export async function runRound({
  endpoint,
  credentials,
  seed,
  agents,
  seconds,
  perMille,
  killEveryMs,
  burst = 5000,
}) {
  const random = randomOf(seed);
  const bucket = `long-${process.pid}-${seed}-${Date.now() % 1e7}`;
  const direct = s3Client(endpoint, credentials);
  await createBucket(direct, bucket);
  const folder = await mkdtemp(path.join(tmpdir(), "opslog-long-"));
  const writers = agents === 0 ? SINGLE_WRITERS : agents;
  const proxies = await Promise.all(
    Array.from({ length: writers + 1 }, (_, at) =>
      startProxy(endpoint, {
        seed: seed * 100 + at,
        perMille,
        host: `127.0.0.${at + 2}`,
        kinds: FAULT_NAMES,
      }),
    ),
  );
  const counts = { kills: 0, killsAtOpen: 0, stops: 0, lives: 0, ends: 0 };
  let lives = 0;
  const current = new Array(writers).fill(null);
  const all = [];

  function begin(slot) {
    const life = `w${slot}-${++lives}`;
    const settings = {
      endpoint: proxies[slot].endpoint,
      credentials,
      bucket,
      agentId: agents === 0 ? undefined : `agent${slot}`,
      maySteal: agents === 0,
      life,
      ledger: path.join(folder, life),
      clockOffsetMs: [0, DAY_MS, -DAY_MS][slot % 3],
      seed: seed * 1000 + lives,
      burst,
    };
    const started = new Process("life", settings);
    counts.lives++;
    current[slot] = started;
    all.push(started);
  }

  async function replaced(slot) {
    if (current[slot].ended || current[slot].killed) begin(slot);
  }

  try {
    begin(0);
    await until(() => current[0].opened || current[0].ended, 300_000, "opening the first writer");
    const reading = { endpoint: proxies[writers].endpoint, credentials, bucket };
    const follower = new Process("follower", { ...reading, ledger: path.join(folder, "follower") });
    all.push(follower);
    for (let slot = 1; slot < writers; slot++) begin(slot);
    await until(() => follower.opened || follower.ended, 300_000, "opening the follower");

    const end = Date.now() + seconds * 1000;
    let nextHarm = Date.now() + killEveryMs;
    const sleepers = new Set();
    while (Date.now() < end) {
      await delay(20);
      for (let slot = 0; slot < writers; slot++) await replaced(slot);
      if (Date.now() < nextHarm) continue;
      nextHarm = Date.now() + killEveryMs * (0.5 + random());
      const slot = Math.floor(random() * writers);
      const victim = current[slot];
      if (victim.ended || victim.killed || victim.stopped) continue;
      if (!victim.opened && random() >= KILLED_WHILE_OPENING) continue;
      if (!victim.opened || random() < 0.7) {
        victim.killed = true;
        victim.signal("SIGKILL");
        counts.kills++;
        if (!victim.opened) counts.killsAtOpen++;
        continue;
      }
      victim.signal("SIGSTOP");
      counts.stops++;
      sleepers.add(victim);
      // Another takes its place, or it comes back by itself.
      if (random() < 0.5) begin(slot);
      const wakes = () => {
        sleepers.delete(victim);
        if (!victim.ended) victim.signal("SIGCONT");
      };
      setTimeout(wakes, 500 + random() * 6000).unref();
    }
    for (const victim of sleepers) if (!victim.ended) victim.signal("SIGCONT");
    const living = () => all.filter((one) => one !== follower && !one.ended);
    for (const one of living()) one.tell("rests");
    await until(() => living().every(({ rests }) => rests), 300_000, "coming to rest");
    await Promise.all(proxies.map((proxy) => proxy.calm()));
    for (const one of [...living(), follower]) one.tell("settles");
    await until(() => all.every(({ ended }) => ended), 300_000, "settling");
    const judged = await judge({ folder, direct, bucket, agents });
    const faults = {};
    for (const proxy of proxies) {
      for (const [name, count] of Object.entries(proxy.faults)) faults[name] = (faults[name] ?? 0) + count;
    }
    const requests = proxies.reduce((sum, { requests }) => sum + total(requests), 0);
    const said = ({ errors }) => errors.includes("NodeVersionSupportWarning") === false && errors !== "";
    const crashes = all.filter((one) => said(one) && !one.killed).map((one) => one.errors);
    return { counts: { ...counts, ...judged.counts, requests }, faults, crashes, ...judged.rest };
  } finally {
    for (const one of all) if (!one.ended) one.child.kill("SIGKILL");
    await Promise.all(all.map(({ over }) => over));
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    direct.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

async function judge({ folder, direct, bucket, agents }) {
  const ledgers = new Map();
  const counts = {};
  const refusals = {};
  const add = (to, from) => {
    for (const [name, count] of Object.entries(from)) to[name] = (to[name] ?? 0) + count;
  };
  for (const name of await readdir(folder)) {
    if (name === "follower") continue;
    const ledger = readLedger(await readFile(path.join(folder, name), "utf8"));
    ledgers.set(name, ledger);
    add(counts, ledger.counts);
    add(refusals, ledger.refusals);
  }
  const backend = await s3Backend("s3", { client: direct, bucket, prefix: "store" });
  const store = new Store();
  await store.open("", { backend, readOnly: true });
  const entries = new Map(store.entries());
  const stats = store.stats();
  const manifest = await backend.readManifest();
  await store.close();
  const sorted = [...entries].sort(([one], [other]) => (one < other ? -1 : 1));
  const hash = createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
  const wrong = compare(ledgers, entries, "a fresh reader");
  let equal = 1;
  for (const [life, ledger] of ledgers) {
    if (ledger.hash === null) continue;
    equal++;
    // A single writer that was replaced has the state of its time.
    if (ledger.hash !== hash && agents > 0) wrong.push(`${life} and a fresh reader differ`);
  }
  const followed = JSON.parse(await readFile(path.join(folder, "follower"), "utf8"));
  if (followed.hash !== hash) wrong.push("the follower and a fresh reader differ");
  for (const text of followed.twice.slice(0, 5)) wrong.push(`the follower was told twice: ${text}`);
  const known = new Set([...followed.told, ...followed.before.map((id) => `set ${id}`)]);
  for (const [life, { acknowledgedSets, records }] of ledgers) {
    for (const n of acknowledgedSets) {
      // What was undone at once need not have been told.
      if (records.get(n) === true && !known.has(`set ${life}-${n}`))
        wrong.push(`the follower was not told of ${life}-${n}`);
    }
  }
  Object.assign(counts, { told: followed.told.length, looks: followed.looks, equal });
  counts.records = stats.activeRecords;
  counts.snapshots = manifest.retired?.at(-1)?.snapshot ?? 0;
  return { counts, rest: { wrong, refusals } };
}
