/** FsBackends of both packages on a folder, and what their tests give them. */
import fs from "node:fs/promises";
import { isMainThread } from "node:worker_threads";
import test from "ava";
import backendModule from "../../lib/fs/backend.js";
import { original } from "./original.mjs";
import { temporaryFolder } from "./store-folder.mjs";

export const { FsBackend, isPlainFsBackend } = backendModule;

export const windows = process.platform === "win32";
export const posix = windows ? test.skip : test;
// A worker has no current folder of its own to change.
export const alone = isMainThread ? test.serial : test.serial.skip;

/** A folder with both backends on it. */
export async function backends(t) {
  const folder = await temporaryFolder(t);
  const ours = new FsBackend();
  const theirs = new original.FsBackend();
  await ours.initialize(folder, { readOnly: false });
  await theirs.initialize(folder, { readOnly: false });
  return { folder, ours, theirs };
}

/** Collects what is printed with console.error meanwhile. Only for tests that run alone. */
export async function printed(work) {
  const lines = [];
  const { error } = console;
  console.error = (...args) => lines.push(args.join(" "));
  try {
    return { result: await work(), lines };
  } finally {
    console.error = error;
  }
}

export const set = (id, data, more) => ({
  ts: "2020-01-01T00:00:00.000Z",
  op: "set",
  id,
  prev: null,
  data,
  ...more,
});
export const ids = (ops) => ops.map((op) => op.id);
export const manifest = {
  version: 1,
  currentSnapshot: "snapshots/snap-1.jsonl",
  activeOps: "ops/ops-1.jsonl",
  archiveSegments: [],
  stats: { activeRecords: 0, archivedRecords: 0, opsCount: 0, created: "t", lastCheckpoint: "t" },
};
export const noTemporaries = async (t, folder) =>
  t.deepEqual(
    (await fs.readdir(folder, { recursive: true })).filter((name) => name.endsWith(".tmp")),
    [],
  );
