/**
 * `node moved-program.mjs <package> <carrier> <stays|moves|runs out>`: loads the package from a folder and opens a store.
 * Then the folder stays, is moved away, or all descriptors of the process are used up. Makes calls of every kind, and
 * prints what came of each as JSON.
 */
import { closeSync, openSync } from "node:fs";
import { mkdtemp, rename } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { carriers } from "./carriers.mjs";
import { calls } from "./store-calls.mjs";

const [home, carrier, fate] = process.argv.slice(2);
const { Store, FsBackend, acquireLock, releaseLock, streamSnapshotFile } = createRequire(join(home, "x"))(
  "./index.js",
);

const base = await mkdtemp(join(home, "..", "data-"));
const folder = join(base, "store");
/** The same options with a backend of their own. */
const more = () => carriers({ FsBackend })[carrier];
const options = more();
const { readOnly, ...writing } = options;
const store = new Store();
if (readOnly) {
  const writer = new Store();
  await writer.open(folder, writing);
  await writer.set("stored", { n: 1 });
  await writer.close();
}
await store.open(folder, options);
if (!readOnly) await store.set("stored", { n: 1 });
if (!readOnly && !writing.skipLoad) await store.compact();
if (!readOnly) await store.set("logged", { n: 2 });
await store.flush();
const backend = new FsBackend();
await backend.initialize(join(base, "files"), { readOnly: false });
const operation = { ts: "2030-01-01T00:00:00.000Z", op: "set", id: "id", data: { n: 1 }, prev: null };

const held = [];
if (fate === "moves") await rename(home, `${home}-elsewhere`);
if (fate === "runs out") {
  try {
    for (;;) held.push(openSync("/dev/null", "r"));
  } catch (error) {
    if (error.code !== "EMFILE") throw error;
  }
}

async function toEnd(generator) {
  for await (const _each of generator);
}

const own = Object.entries(calls).filter(([name]) => !/^(backup|watch|streamSnapshot|getWalOps)/.test(name));
const everything = {
  ...Object.fromEntries(own),
  "streamSnapshot(), all of it": () => toEnd(store.streamSnapshot()),
  "getWalOps(), all of it": () => toEnd(store.getWalOps()),
  "compact() with onProgress": () => store.compact({ onProgress() {} }),
  "archive() of one": () => store.archive((_value, id) => id === "new", "2030-Q1"),
  "loadArchive()": () => store.loadArchive("2030-Q1"),
  "backup()": () => store.backup(join(base, "copy")),
  "verify()": () => Store.verify(folder),
  "repair()": () => Store.repair(folder),
  "streamSnapshotFile()": () => toEnd(streamSnapshotFile(folder, "snapshots/missing.jsonl")),
  "acquireLock()": async () => {
    await releaseLock(base, await acquireLock(base));
  },
  "open() of a missing manifest": () => new Store().open(join(base, "none"), { ...more(), readOnly: true }),
  "a second store": async () => {
    const second = new Store();
    await second.open(join(base, "second"), more());
    await second.close();
  },
};
const files = {
  writeSnapshot: [new Map([["id", { n: 1 }]]), 1],
  loadSnapshot: ["snapshots/missing.jsonl"],
  createOpsFile: [],
  createAgentOpsFile: ["one"],
  appendOps: ["ops/ops-1.jsonl", [operation]],
  readOps: ["ops/ops-1.jsonl"],
  truncateLastOp: ["ops/ops-1.jsonl"],
  writeArchiveSegment: ["2030-Q1", new Map([["id", { n: 1 }]])],
  loadArchiveSegment: ["archive/archive-2030-Q1.json"],
  listArchiveSegments: [],
  writeManifest: [{ version: 1 }],
  readManifest: [],
  writeBlob: ["blobs/one", "text"],
  readBlob: ["blobs/one"],
  listBlobs: ["blobs"],
  deleteBlobDir: ["blobs"],
};
for (const [method, args] of Object.entries(files)) {
  everything[`FsBackend.${method}()`] = () => backend[method](...args);
}

/** What comes of a call: "done", or the codes of the error and its cause. */
async function outcomeOf(call) {
  try {
    await call(store);
    return "done";
  } catch (error) {
    return `${error.code ?? error.name} ${error.cause?.code ?? ""}`.trim();
  }
}

async function outcomes() {
  const found = {};
  for (const [name, call] of Object.entries(everything)) found[name] = await outcomeOf(call);
  return found;
}

const found = { first: await outcomes() };
for (const descriptor of held) closeSync(descriptor);
if (fate === "runs out") found.afterwards = await outcomes();
found.close = await outcomeOf(() => store.close());
process.stdout.write(JSON.stringify(found));
