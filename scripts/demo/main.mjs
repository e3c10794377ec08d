/** The main job on real input, with 0.8.1 doing the same beside it. Needs an installed and built checkout. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "../../index.mjs";
import { Account } from "./account.mjs";
import { runCrashStep } from "./crash.mjs";
import { runEverydaySteps } from "./everyday.mjs";
import { runFollowStep } from "./follow.mjs";
import { runHistoryStep } from "./history.mjs";
import { OriginalStore } from "./original.mjs";
import { readRecords } from "./records.mjs";
import { difference, timed } from "./side-by-side.mjs";

/** Leaves a snapshot and a log, as a process of 0.8.1 does that did not come to its last checkpoint. */
async function buildWithOriginal(folder, records) {
  const store = new OriginalStore();
  await store.open(folder, { checkpointOnClose: false });
  for (const [id, record] of records) await store.set(id, record);
  await store.close();
}

async function readBack(SomeStore, folder) {
  const store = new SomeStore();
  const { ms } = await timed(() => store.open(folder, { readOnly: true }));
  const segments = store.listArchiveSegments();
  const archived = [];
  for (const segment of segments) archived.push(...(await store.loadArchive(segment)));
  const entries = store.entries();
  await store.close();
  return { entries, archived, ms };
}

async function compareAtTheEnd(account, folder) {
  const [ours, original] = [await readBack(Store, folder), await readBack(OriginalStore, folder)];
  const what = `the result with 0.8.1: ${original.entries.length} records, ${original.archived.length} archived`;
  account.row("compare", what, ours.ms, original.ms);
  for (const part of ["entries", "archived"]) {
    const found = difference(ours[part], original[part]);
    account.expect(found === null, `compare: ${found}`);
  }
}

async function runDemo(root) {
  const account = new Account();
  const records = await readRecords();
  const ids = records.map(([id]) => id);
  const folders = { ours: join(root, "ours"), original: join(root, "original") };
  account.start(`${records.length} real records from this project's lock files`);
  const built = await timed(() => buildWithOriginal(folders.original, records));
  await cp(folders.original, folders.ours, { recursive: true });
  account.row("build", `a store with 0.8.1: set() of ${records.length} records`, undefined, built.ms);
  await runEverydaySteps(account, [new Store(), new OriginalStore()], folders, ids);
  await runCrashStep(account, Store, folders.ours);
  await runFollowStep(account, Store, folders.ours);
  await runHistoryStep(account, Store, join(root, "history"), join(root, "consumer"));
  await compareAtTheEnd(account, folders.ours);
  return account.finish();
}

const root = await mkdtemp(join(tmpdir(), "opslog-demo-"));
try {
  process.exitCode = await runDemo(root);
} finally {
  await rm(root, { recursive: true, force: true });
}
