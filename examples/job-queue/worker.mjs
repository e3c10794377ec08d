// A worker: takes the next job, does it, notes the result. Should it die in between, its lease runs out and another worker takes
// the job.

import { Store } from "@backloghq/opslog";
import { setTimeout as pause } from "node:timers/promises";

const [folder, worker, diesAt] = process.argv.slice(2);
const LEASE_MS = 300;

const store = new Store();
await store.open(folder, { agentId: worker });

/** Whether a job may be taken: it waits, or the lease of the worker that took it has run out. */
const isFree = (job, now) => job.status === "waiting" || (job.status === "running" && job.until < now);

/** Takes the most urgent job that is free; `undefined` if there is none. */
async function take() {
  await store.refresh();
  const now = Date.now();
  const free = { $or: [{ status: "waiting" }, { status: "running", until: { $lt: now } }] };
  const next = await store.findOne(free, { sort: { due: 1 }, fields: ["id"] });
  if (next === undefined) return undefined;
  // Another worker may have taken it since it was found: the transaction looks again, and no other worker comes in between.
  return store.transaction((tx) => {
    const job = tx.get(next.id);
    if (!isFree(job, now)) return null;
    tx.patch(job.id, { status: "running", worker, until: now + LEASE_MS });
    return job;
  });
}

/** Notes a result, unless the lease ran out and another worker has done the job. */
const finish = (job, result) =>
  store.transaction((tx) => {
    const current = tx.get(job.id);
    if (current.status !== "running" || current.worker !== worker) return;
    tx.patch(job.id, { status: "done", result, until: undefined });
    tx.set("finished", { count: (tx.get("finished")?.count ?? 0) + 1 });
  });

let taken = 0;
while ((await store.countWhere({ status: { $in: ["waiting", "running"] } })) > 0) {
  const job = await take();
  if (!job) {
    await pause(20);
    continue;
  }
  taken++;
  // As a crash would: in the middle of a job.
  if (taken === Number(diesAt)) process.kill(process.pid, "SIGKILL");
  await finish(job, job.n ** 2);
}
await store.close();
