/** Fills a folder with what a workload begins with. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { filesIn } from "./folders.mjs";
import { makeId, makePool, makeRecord } from "./record.mjs";

const BATCH = 10_000;
// More than this in one log is no use to anybody who wants a snapshot.
const COMPACT_EVERY = 1_000_000;

/** Records 0 to `records`, in batches; for opslog in the snapshot. */
async function snapshot(store, folder, { records, bytes }) {
  const handle = await store.open(folder);
  const pool = makePool(bytes);
  for (let from = 0; from < records; from += BATCH) {
    const entries = [];
    for (let n = from; n < Math.min(records, from + BATCH); n += 1) {
      entries.push([makeId(n), pool[n % pool.length]]);
    }
    await handle.setMany(entries);
    if (from > 0 && from % COMPACT_EVERY === 0) await handle.native?.compact();
  }
  await handle.native?.compact();
  await handle.close();
}

/** Operations in the log and an empty snapshot. */
async function log(store, folder, { records, bytes }) {
  const handle = await store.open(folder);
  const pool = makePool(bytes);
  for (let n = 0; n < records; n += 1) await handle.set(makeId(n), pool[n % pool.length]);
  await handle.close();
}

/** A snapshot, and a log as long as the default options let it become before they checkpoint. */
async function longLog(store, folder, { records, bytes }) {
  await snapshot(store, folder, { records, bytes });
  const handle = await store.open(folder, { checkpoints: "default" });
  // A quarter of the snapshot's bytes is where the checkpoint comes; an updated record's line has some 60 bytes
  // more than its line in the snapshot.
  const updates = Math.floor((records / 4) * (bytes / (bytes + 60)) * 0.96);
  for (let n = 0; n < updates; n += 1) {
    const at = (n * 7919) % records;
    await handle.set(makeId(at), makeRecord(at + records, bytes));
  }
  await handle.close();
}

/** Some agents' logs, with as many operations each. */
async function agents(store, folder, { agents: count, records, bytes }) {
  const pool = makePool(bytes);
  const handles = [];
  for (let agent = 0; agent < count; agent += 1) {
    handles.push(await store.open(folder, { agentId: `agent-${agent}` }));
  }
  for (let n = 0; n < records; n += 1) {
    for (const [agent, handle] of handles.entries()) {
      await handle.set(`${makeId(n)}-${agent}`, pool[n % pool.length]);
    }
  }
  for (const handle of handles) await handle.close();
}

/** Removes superseded snapshots and sealed logs, which no workload reads. */
async function removeSuperseded(folder) {
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
  const logs = [manifest.activeOps, ...Object.values(manifest.activeAgentOps ?? {})];
  const named = new Set([manifest.currentSnapshot, ...logs].map((path) => join(folder, path)));
  for (const part of ["snapshots", "ops"]) {
    for (const file of await filesIn(join(folder, part))) if (!named.has(file)) await rm(file);
  }
}

export async function fill(store, folder, kind, size) {
  await kinds[kind](store, folder, size);
  if (store.family === "opslog") await removeSuperseded(folder);
}

const kinds = { snapshot, log, longLog, agents };
