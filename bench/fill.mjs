/** Fills a folder with what a workload begins with. */
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { filesIn } from "./folders.mjs";
import { fillHistory } from "./history/fill.mjs";
import { openWithHistory } from "./history/stores.mjs";
import { fillSearched } from "./queries/records.mjs";
import { openSearched } from "./queries/stores.mjs";
import { makeId, makePool } from "./record.mjs";

const BATCH = 10_000;
// More than this in one log is no use where a snapshot is wanted.
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

/** Half of the records in the snapshot, the others in the log, with a tenth of all changed. */
async function halves(store, folder, { records, bytes }) {
  await snapshot(store, folder, { records: records / 2, bytes });
  const handle = await store.open(folder);
  const pool = makePool(bytes);
  for (let n = records / 2; n < records; n += 1) await handle.set(makeId(n), pool[n % pool.length]);
  for (let n = 0; n < records; n += 10)
    await handle.set(makeId(n), { ...pool[n % pool.length], priority: 9 });
  await handle.close();
}

// A quarter of the snapshot's bytes is where the default options checkpoint.
const NEARLY_A_QUARTER = 0.245;

async function currentFiles(folder) {
  const { currentSnapshot, activeOps } = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
  return { snapshot: join(folder, currentSnapshot), log: join(folder, activeOps) };
}

/** A snapshot, and a log as long as the default options let it become before they checkpoint. */
async function longLog(store, folder, { records, bytes }) {
  await snapshot(store, folder, { records, bytes });
  const { snapshot: path, log: logPath } = await currentFiles(folder);
  const enough = NEARLY_A_QUARTER * (await stat(path)).size;
  const handle = await store.open(folder, { checkpoints: "default" });
  const pool = makePool(bytes);
  for (let n = 0; (await stat(logPath)).size < enough;) {
    for (const until = n + 100; n < until; n += 1) {
      const at = (n * 7919) % records;
      await handle.set(makeId(at), { ...pool[at % pool.length], priority: n });
    }
  }
  await handle.close();
  if ((await currentFiles(folder)).log !== logPath) throw new Error("there was a checkpoint");
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
  if (store.family === "opslog" && kind !== "history") await removeSuperseded(folder);
}

/** Records to be searched, with indexes where the store has them. */
async function searched(store, folder, size) {
  const handle = await openSearched(store.name, folder);
  await fillSearched(handle, size);
  await handle.finish();
  await handle.close();
}

/** Operations in sealed logs. */
async function history(store, folder, size) {
  const handle = await openWithHistory(store.name, folder);
  await fillHistory(handle, size);
  await handle.close();
}

const kinds = { snapshot, log, halves, longLog, agents, searched, history };
