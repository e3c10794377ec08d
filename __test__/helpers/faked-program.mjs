/**
 * `node faked-program.mjs <carrier> <early|late>`: makes every call of the API while all of Node's timers are faked and
 * their clock stands still. Prints the names of the calls that settled as JSON when the process ends, which it does as
 * soon as one does not. `late` loads the package after they were faked.
 */
import { writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { carriers } from "./carriers.mjs";
import { memoryBucket } from "./memory-backend.mjs";
import { calls } from "./store-calls.mjs";

const [carrier, when] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const settled = [];
process.once("exit", () => writeSync(1, JSON.stringify(settled)));

const base = await mkdtemp(join(tmpdir(), "opslog-faked-"));
let opslog = when === "early" ? await import("../../index.mjs") : null;
// NOTE: with what sinon and Jest fake unless told otherwise, and all else that can be faked.
const clock = require("@sinonjs/fake-timers").install({ now: Date.UTC(2030, 0, 1) });
opslog ??= await import("../../index.mjs");
const { Store, FsBackend } = opslog;

const bucket = memoryBucket();
const options = () => carriers({ FsBackend, bucket })[carrier];

/** Awaits a call, whatever becomes of it. */
async function settle(name, work) {
  try {
    await work();
  } catch {
    // That is settled too.
  }
  settled.push(name);
}

// Each of these writes and syncs files of its own, and has turns of the event loop for that.
const isSlow = carrier.includes("subclass");
const folder = join(base, "store");
const { readOnly, ...writing } = options();
const writer = new Store();
const other = new Store();
await settle("open() of a new store", () => writer.open(folder, writing));
await settle("set()", () => writer.set("stored", { n: 1 }));
await settle("compact()", () => writer.compact());
await settle("set() behind it", () => writer.set("logged", { n: 2 }));
await settle("close() of it", () => writer.close());
await settle("open()", () => other.open(folder, options()));

for (const [name, call] of Object.entries(calls)) {
  if (name !== "watch()") await settle(name, async () => call(other));
  if (!isSlow)
    await settle(`${name} at once with others`, () =>
      Promise.all(
        [calls["batch()"], calls["undo()"], call, calls["compact()"], call].map(async (each) => each(other)),
      ),
    );
}
const many = isSlow ? 10 : 600;
await settle("more calls than have room in a turn", async () => {
  for (let n = 0; n < many; n++) await Promise.resolve(other.set("id", { n })).catch(() => {});
  for (let n = 0; n < many; n++) await Promise.resolve(other.batch(() => {})).catch(() => {});
  for (let n = 0; n < many; n++) await Promise.resolve(other.delete("missing")).catch(() => {});
});
await settle("a refused call", () => other.batch(0));
await settle("a whole streamSnapshot()", async () => {
  for await (const _entry of other.streamSnapshot());
});
await settle("a whole getWalOps()", async () => {
  for await (const _operation of other.getWalOps());
});
const onProgress = () => {};
await settle("compact() with onProgress", () => other.compact({ onProgress }));
await settle("archive()", () => other.archive((_value, id) => id === "new", undefined, { onProgress }));
await settle("loadArchive()", () => other.loadArchive(other.listArchiveSegments()[0]));
await settle("backup()", () => other.backup(join(base, "copy"), { onProgress }));
await settle("batch() of many", () =>
  other.batch(() => {
    for (let n = 0; n < 3000; n++) other.set(`id-${n}`, { n });
  }),
);
await settle("compact() of many", () => other.compact());
await settle("a second open()", () => other.open(folder, options()));
await settle("close() during open()", async () => {
  const third = new Store();
  const opening = third.open(join(base, "third"), writing).catch(() => {});
  await third.close().catch(() => {});
  await opening;
  await third[Symbol.asyncDispose ?? Symbol.for("nodejs.asyncDispose")]();
});
await settle("open() with another version", async () => {
  const migrating = new Store();
  const migrate = (record) => record;
  await migrating.open(folder, { ...options(), readOnly: true, version: 2, migrate });
  await migrating.close();
});
await settle("watch() of a reader", async () => {
  const reader = new Store();
  const { backend } = options();
  await reader.open(folder, { readOnly: true, ...(backend && { backend }) });
  try {
    const told = new Promise((resolve) => reader.watch(resolve, 1));
    if (readOnly) return;
    await other.set("watched", { n: 1 });
    await other.flush();
    await told;
  } finally {
    await reader.close();
  }
});
await settle("a second store", async () => {
  const second = new Store();
  await second.open(folder, options());
  await second.close();
});
await settle("close()", () => other.close());
await settle("verify()", () => Store.verify(folder, { onProgress }));
await settle("repair()", () => Store.repair(folder, { onProgress }));

const lockFolder = await mkdtemp(join(base, "lock-"));
await settle("acquireLock() and releaseLock()", async () => {
  const lock = await opslog.acquireLock(lockFolder);
  await lock.stat();
  await lock.readFile();
  await opslog.acquireLock(lockFolder).catch(() => {});
  await opslog.releaseLock(lockFolder, lock);
});
await settle("streamSnapshotFile()", async () => {
  const manifest = await new FsBackend().readManifest().catch(() => null);
  for await (const _entry of opslog.streamSnapshotFile(folder, manifest?.currentSnapshot ?? "missing"));
});

const files = new FsBackend();
const log = "ops/ops-1.jsonl";
const operation = { ts: "2030-01-01T00:00:00.000Z", op: "set", id: "id", data: { n: 1 }, prev: null };
for (const [name, ...args] of [
  ["initialize", join(base, "files"), { readOnly: false }],
  ["readManifest"],
  ["writeSnapshot", new Map([["id", { n: 1 }]]), 1],
  ["listOpsFiles"],
  ["createOpsFile"],
  ["createAgentOpsFile", "one"],
  ["appendOps", log, [operation, operation]],
  ["readOps", log],
  ["truncateLastOp", log],
  ["writeArchiveSegment", "2030-Q1", new Map([["id", { n: 1 }]])],
  ["loadArchiveSegment", "archive/archive-2030-Q1.json"],
  ["listArchiveSegments"],
  ["writeManifest", { version: 1 }],
  ["getManifestVersion"],
  ["writeBlob", "blobs/one", "text"],
  ["readBlob", "blobs/one"],
  ["readBlobRange", "blobs/one", 0, 2],
  ["listBlobs", "blobs"],
  ["deleteOpsFile", log],
  ["deleteSnapshot", "snapshots/snap-1.jsonl"],
  ["deleteBlob", "blobs/one"],
  ["deleteBlobDir", "blobs"],
  ["readBlob", "../outside"],
]) {
  await settle(`FsBackend.${name}()`, () => files[name](...args));
}
for (const kind of ["", "Compaction"]) {
  await settle(`FsBackend.acquire${kind}Lock()`, async () => {
    const lock = await files[`acquire${kind}Lock`]();
    await files[`acquire${kind}Lock`]().catch(() => {});
    await files[`release${kind}Lock`](lock);
  });
}
await settle("FsBackend.shutdown()", () => files.shutdown());
await rm(base, { recursive: true, force: true });
clock.uninstall();
settled.push("all");
