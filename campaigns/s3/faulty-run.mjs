/**
 * Stores in this process, each with a client of its own, on one store in a bucket behind a proxy that does harm. Writers are
 * replaced, or die: their requests end at once. At the end, when all is quiet, a fresh reader must have every write that was
 * acknowledged and none that was refused, and every follower must have been told of each operation once.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Store } from "../../index.mjs";
import { createBucket, s3Backend, s3Client } from "./clients.mjs";
import { randomOf, startProxy } from "./proxy.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

/** What was told of each write: acknowledged, refused, or neither. */
class Ledger {
  writes = new Map();
  counts = { acknowledged: 0, refused: 0, unknown: 0, undone: 0, compactions: 0, opens: 0, kills: 0 };
  wrong = [];

  async write(ids, work, { isUndo = false } = {}) {
    for (const id of ids) this.writes.set(id, "unknown");
    try {
      const isDone = await work();
      this.#tell(ids, isUndo && isDone === false ? "acknowledged" : isUndo ? "undone" : "acknowledged");
      return isDone !== false;
    } catch (error) {
      const isKnown = error.code !== "OPSLOG_FAILED" && !error.isDead;
      const refused = isUndo ? "acknowledged" : "refused";
      this.#tell(ids, isKnown ? refused : "unknown");
      return false;
    }
  }

  #tell(ids, told) {
    for (const id of ids) {
      this.writes.set(id, told);
      this.counts[told]++;
    }
  }

  check(records, who) {
    for (const [id, told] of this.writes) {
      if (told === "acknowledged" && !records.has(id))
        this.wrong.push(`${who}: ${id} was acknowledged and is lost`);
      if ((told === "refused" || told === "undone") && records.has(id))
        this.wrong.push(`${who}: ${id} was ${told} and shows`);
    }
  }
}

/** Runs writers for a number of steps each. `agents` is 0 for single writers that replace each other. */
export async function faultyRun({
  endpoint,
  credentials,
  seed,
  agents,
  steps,
  perMille = 120,
  graceMs = 200,
}) {
  const random = randomOf(seed);
  const bucket = `faulty-${process.pid}-${seed}-${Math.floor(Math.random() * 1e9)}`;
  const direct = s3Client(endpoint, credentials);
  await createBucket(direct, bucket);
  direct.destroy();
  const proxy = await startProxy(endpoint, { seed, perMille });
  const ledger = new Ledger();
  let number = 0;

  async function open(options) {
    const client = s3Client(proxy.endpoint, credentials);
    const death = new AbortController();
    const limits = { lockTtlMs: 1500, requestTimeoutMs: 400, attempts: 4, graceMs };
    const backend = await s3Backend("s3", {
      client,
      bucket,
      prefix: "store",
      signal: death.signal,
      ...limits,
    });
    const store = new Store();
    const kill = () => death.abort(Object.assign(new Error("dead"), { isDead: true }));
    const end = () => client.destroy();
    try {
      // The lock of a single writer has always run out when another comes: the two are at work at once.
      if (agents === 0) await backend.deleteBlob(".lock");
      await store.open("", { backend, ...manual, ...options });
      ledger.counts.opens++;
      return { store, kill, end };
    } catch (error) {
      end();
      throw error;
    }
  }

  async function openPatiently(options) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await open(options);
      } catch (error) {
        if (attempt === 30) throw error;
        await delay(random() * 50);
      }
    }
  }

  const newId = (who) => `${who}-${++number}`;

  async function step(store, who) {
    const dice = random();
    if (dice < 0.4) {
      const id = newId(who);
      return ledger.write([id], () => store.set(id, { n: number }));
    }
    if (dice < 0.6) {
      const ids = Array.from({ length: 4 }, () => newId(who));
      return Promise.all(ids.map((id) => ledger.write([id], () => store.set(id, { n: number }))));
    }
    if (dice < 0.72) {
      const ids = Array.from({ length: 3 }, () => newId(who));
      return ledger.write(ids, () => store.batch(() => ids.forEach((id) => store.set(id, { n: number }))));
    }
    if (dice < 0.84) {
      const id = newId(who);
      if (!(await ledger.write([id], () => store.set(id, { n: number })))) return undefined;
      return ledger.write([id], () => store.undo(), { isUndo: true });
    }
    if (dice < 0.92) return store.refresh();
    await store.compact();
    ledger.counts.compactions++;
    return undefined;
  }

  async function life(who, count) {
    let opened = await openPatiently(agents === 0 ? {} : { agentId: who });
    for (let n = 0; n < count; n++) {
      await step(opened.store, who).catch(() => {});
      if (random() > 0.06) continue;
      // The process dies, or is done, and another comes.
      const isKilled = random() < 0.5;
      if (isKilled) {
        ledger.counts.kills++;
        opened.kill();
      }
      await opened.store.close().catch(() => {});
      opened.end();
      opened = await openPatiently(agents === 0 ? {} : { agentId: who });
    }
    await opened.store.close().catch(() => {});
    opened.end();
  }

  async function follow(isOver) {
    const { store, end } = await openPatiently({ readOnly: true });
    const told = new Map();
    const look = async () => {
      for (const operation of await store.tail()) {
        const text = JSON.stringify(operation);
        told.set(text, (told.get(text) ?? 0) + 1);
      }
    };
    while (!isOver()) {
      await look().catch(() => {});
      await delay(20);
    }
    await proxy.calm();
    await look();
    for (const [text, count] of told)
      if (count > 1) ledger.wrong.push(`a follower was told ${count} times: ${text}`);
    const records = new Map(store.entries());
    ledger.check(records, "a follower");
    await store.close();
    end();
    return records;
  }

  try {
    const first = await openPatiently(agents === 0 ? {} : { agentId: "agent0" });
    await first.store.close().catch(() => {});
    first.end();
    let isOver = false;
    const following = follow(() => isOver);
    const writers =
      agents === 0 ? ["single0", "single1"] : Array.from({ length: agents }, (_, n) => `agent${n}`);
    await Promise.all(writers.map((who) => life(who, steps)));
    isOver = true;
    const followed = await following;
    const { store, end } = await openPatiently({ readOnly: true });
    const records = new Map(store.entries());
    ledger.check(records, "a fresh reader");
    const same = JSON.stringify([...records].sort()) === JSON.stringify([...followed].sort());
    if (!same) ledger.wrong.push("a follower and a fresh reader differ");
    await store.close();
    end();
    return { seed, ...ledger.counts, faults: proxy.faults, wrong: ledger.wrong };
  } finally {
    await proxy.stop();
  }
}
