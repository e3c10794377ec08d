/**
 * `node --expose-gc forgetting-program.mjs <folder>`: begins to read a store in every way, forgets each reading behind its
 * first step, and lets the garbage collector find it. Prints what is open before and afterwards, and what Node warned of.
 */
import { watch } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FsBackend, Store, acquireLock, streamSnapshotFile } from "../../index.mjs";

const [base] = process.argv.slice(2);
const warnings = [];
process.on("warning", ({ message }) => warnings.push(message));

/** How many files are open, where the system tells. */
const openFiles = async () => (await readdir("/proc/self/fd").catch(() => [])).length;
const folder = join(base, "store");
const store = new Store();
await store.open(folder, { checkpointThreshold: Infinity });
const filling = "x".repeat(1000);
const fill = () =>
  store.batch(() => {
    for (let n = 0; n < 5000; n++) store.set(`id-${n}`, { n, filling });
  });
await fill();
await store.archive(({ n }) => n < 2000, "2026-Q1");
await store.compact();
await fill();
const { currentSnapshot } = store.getManifest();
class Subclass extends FsBackend {}
const readers = [];
for (const options of [{ readOnly: true }, { readOnly: true, backend: new Subclass() }]) {
  const reader = new Store();
  await reader.open(folder, options);
  readers.push(reader);
}
const locks = join(base, "locks");
await mkdir(locks);

/** What is begun and forgotten. */
const beginnings = {
  "streamSnapshot() of the writer": () => store.streamSnapshot().next(),
  "streamSnapshot() of a reader": () => readers[0].streamSnapshot().next(),
  "streamSnapshot() of a backend": () => readers[1].streamSnapshot().next(),
  "streamSnapshotFile()": () => streamSnapshotFile(folder, currentSnapshot).next(),
  "streamSnapshotFile(), not awaited": () => void streamSnapshotFile(folder, currentSnapshot).next(),
  "getWalOps()": () => store.getWalOps().next(),
  "getWalOps() of a backend": () => readers[1].getWalOps().next(),
  "changes()": () => store.changes().next(),
  "changes() of a reader": () => readers[0].changes({ reverse: true }).next(),
  "changes() of a backend": () => readers[1].changes().next(),
  "changes() that waits for more": async () => {
    const { position } = store;
    const changes = store.changes({ after: position, live: true });
    const next = changes.next();
    await delay(20);
    await store.set("id-0", { n: 0 });
    await next;
    await delay(20);
  },
  "at()": () => store.at(store.position),
  "scan()": () => store.scan().next(),
  "loadArchive()": () => store.loadArchive("2026-Q1"),
  "loadArchive() of a backend": () => readers[1].loadArchive("2026-Q1"),
  "backup()": (round) => store.backup(join(base, `copy-${round}`)),
  "backup(), not awaited": (round) => void store.backup(join(base, `forgotten-${round}`)).catch(() => {}),
  "acquireLock()": async (round) => {
    const own = join(locks, String(round));
    await mkdir(own);
    await acquireLock(own);
  },
};

// NOTE: the first watcher of a process opens a file that stays.
watch(base).close();
const before = await openFiles();
for (let round = 0; round < 3; round++) {
  for (const begin of Object.values(beginnings)) await begin(round);
}
let after = await openFiles();
for (let look = 0; look < 500 && after > before; look++) {
  globalThis.gc();
  await delay(5);
  after = await openFiles();
}
for (const each of [...readers, store]) await each.close();
process.stdout.write(JSON.stringify({ before, after, warnings }));
