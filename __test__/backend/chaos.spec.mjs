/**
 * Agents over a bucket in memory, with delays, failing calls, writers that die at any call, and locks that are
 * taken from their holders: what was acknowledged is there in the end, and all see the same.
 */
import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { Store } from "../../index.mjs";
import { generator } from "../helpers/failing-schedules.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";

/** What must be there: the last acknowledged write of a record, or one behind it that was not answered. */
class Ledger {
  #records = new Map();
  acknowledged = 0;

  async write(id, value, work) {
    const record = this.#records.get(id) ?? { sure: null, open: [] };
    this.#records.set(id, record);
    const attempt = { value };
    record.open.push(attempt);
    if ((await work()) === false) record.open = record.open.filter((other) => other !== attempt);
    else Object.assign(record, { sure: attempt, open: record.open.slice(record.open.indexOf(attempt) + 1) });
    this.acknowledged += 1;
  }

  wrong(entries) {
    return [...this.#records].filter(([id, { sure, open }]) => {
      const allowed = [sure?.value ?? null, ...open.map(({ value }) => value)];
      return !allowed.includes(entries.get(id)?.n ?? null);
    });
  }
}

class Agent {
  constructor(bucket, name, ledger, options) {
    Object.assign(this, { bucket, name, ledger, ...options, next: 0 });
  }

  /** Opens a store in a process of its own, which ends at some call: `died` is called, and it goes no further. */
  async open(died) {
    const backend = memoryBackend(this.bucket, { conditional: this.conditional, lines: this.conditional });
    let left = 20 + this.random() * 400;
    const meet = async (method) => {
      if (this.isCalm) return;
      left -= 1;
      if (left < 0) {
        backend.dropLocks();
        died();
        await new Promise(() => {});
      }
      if (this.random() < 0.2) await delay(this.random() * 4);
      if (this.random() < 0.01 && !/^(acquire|release)/.test(method)) {
        throw Object.assign(new Error(`${method} failed`), { code: "ECONNRESET" });
      }
    };
    Object.assign(backend, { before: meet, after: meet });
    const store = new Store();
    const options = { checkpointThreshold: 15, checkpointOnClose: false };
    await store.open("ignored", { backend, agentId: this.name, ...options });
    return store;
  }

  async step(store) {
    const { ledger, name } = this;
    const n = this.next++;
    const dice = this.random();
    const id = `${name}-${n % 12}`;
    if (dice < 0.55) return ledger.write(id, n, () => store.set(id, { n }));
    if (dice < 0.65) {
      const ids = [0, 1, 2].map((m) => `${name}-batch-${(n + m) % 5}`);
      const batch = store.batch(() => ids.forEach((each) => store.set(each, { n })));
      return Promise.all(ids.map((each) => ledger.write(each, n, () => batch)));
    }
    if (dice < 0.7 && store.has(id)) return ledger.write(id, null, () => store.delete(id));
    if (dice < 0.76) {
      const undone = `${name}-undone-${n}`;
      await ledger.write(undone, n, () => store.set(undone, { n }));
      return ledger.write(undone, null, () => store.undo());
    }
    if (dice < 0.8) return store.refresh();
    if (dice < 0.85) return store.tail();
    if (dice < 0.92) return store.compact();
    return undefined;
  }

  /** Works through the steps, in as many lives as it takes. */
  async run(steps) {
    while (this.next < steps) {
      let isAlive = true;
      await new Promise((resolve, reject) => {
        const died = () => {
          isAlive = false;
          resolve();
        };
        this.#live(steps, died, () => isAlive).then(resolve, reject);
      });
    }
  }

  async #live(steps, died, isAlive) {
    let store;
    try {
      store = await this.open(died);
    } catch (error) {
      // A lock that is stolen between two calls of the probe looks like one that excludes no writer.
      if (!this.conditional || error.code !== "OPSLOG_UNSAFE_BACKEND") this.#expect(error);
      return;
    }
    while (this.next < steps && isAlive()) await this.step(store).catch((error) => this.#expect(error));
  }

  #expect(error) {
    if (!["ECONNRESET", "OPSLOG_LOCKED", "OPSLOG_FAILED"].includes(error.code)) throw error;
  }
}

for (const conditional of [true, false]) {
  const how = conditional ? "and locks that are stolen" : "under a lock that only the dead lose";
  for (let seed = 1; seed <= Number(process.env.OPSLOG_CHAOS_SEEDS ?? 3); seed++) {
    test(`agents that die and fail at random, ${how}, lose nothing, seed ${seed}`, async (t) => {
      t.timeout(180_000);
      const bucket = memoryBucket();
      const random = generator(seed);
      const ledgers = ["a", "b", "c"].map(() => new Ledger());
      const agents = ledgers.map(
        (ledger, n) => new Agent(bucket, `agent${n}`, ledger, { random, conditional }),
      );
      const stealing = conditional ? setInterval(() => bucket.locks.clear(), 25) : undefined;
      t.teardown(() => clearInterval(stealing));
      await Promise.all(agents.map((agent) => agent.run(conditional ? 150 : 60)));
      clearInterval(stealing);
      bucket.locks.clear();
      for (const agent of agents) agent.isCalm = true;
      const reader = new Store();
      await reader.open("ignored", { readOnly: true, backend: memoryBackend(bucket) });
      const entries = new Map(reader.entries());
      for (const ledger of ledgers) t.deepEqual(ledger.wrong(entries), []);
      const last = new Store();
      await last.open("ignored", { backend: memoryBackend(bucket, { conditional }), agentId: "last" });
      await last.compact();
      t.deepEqual(last.entries(), reader.entries());
      await reader.refresh();
      t.deepEqual(last.entries(), reader.entries());
      await last.close();
      await reader.close();
    });
  }
}
