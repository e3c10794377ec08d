import { access, chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { Store } from "../../index.mjs";
import { openInProcess, startStoreProcess } from "../helpers/processes.mjs";
import {
  contents,
  readManifest,
  storedEntries,
  temporaryFolder,
  writeManifest,
} from "../helpers/store-folder.mjs";

const posix = process.platform === "win32" ? test.skip : test;

async function deadProcessId(t) {
  const child = await startStoreProcess(t);
  await child.kill();
  return child.pid;
}

async function openAndClose(folder) {
  const store = new Store();
  await store.open(folder);
  await store.close();
}

test("open(), it fails, releases the lock for the next opener", async (t) => {
  const folder = await temporaryFolder(t);
  await openAndClose(folder);
  const manifest = await readManifest(folder);
  await writeManifest(folder, { ...manifest, version: "broken" });
  const failed = new Store();
  await t.throwsAsync(failed.open(folder), {
    message: "Invalid manifest: version must be a positive finite integer",
  });
  await t.throwsAsync(access(join(folder, ".lock")), { code: "ENOENT" });
  await writeManifest(folder, manifest);
  const child = await openInProcess(t, folder);
  await child.call("close");
  await t.notThrowsAsync(failed.open(folder));
  await failed.close();
});

test("open() by many processes at once, a dead process left its lock, lets exactly one in", async (t) => {
  const folder = await temporaryFolder(t);
  await openAndClose(folder);
  const dead = await deadProcessId(t);
  for (let round = 0; round < 3; round++) {
    await writeFile(join(folder, ".lock"), String(dead));
    const openers = await Promise.all(Array.from({ length: 6 }, () => startStoreProcess(t)));
    const start = Date.now() + 100;
    const outcomes = await Promise.allSettled(
      openers.map((opener) => opener.call("openAt", start, folder, {})),
    );
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    t.is(refused.length, openers.length - 1);
    for (const { reason } of refused) t.is(reason.code, "OPSLOG_LOCKED");
    const winner = openers[outcomes.findIndex((outcome) => outcome.status === "fulfilled")];
    t.is(await readFile(join(folder, ".lock"), "utf8"), String(winner.pid));
    await Promise.all(openers.map((opener) => opener.kill()));
  }
});

test("open() by many stores of one process at once, the folder is new, lets exactly one in", async (t) => {
  const folder = await temporaryFolder(t);
  const stores = Array.from({ length: 8 }, () => new Store());
  const outcomes = await Promise.allSettled(stores.map((store) => store.open(folder)));
  const winners = stores.filter((_, n) => outcomes[n].status === "fulfilled");
  t.is(winners.length, 1);
  await winners[0].close();
});

test("open(), another process holds the store, rejects with OPSLOG_LOCKED and says which, not to delete its lock", async (t) => {
  for (const original of [false, true]) {
    const folder = await temporaryFolder(t);
    const holder = await openInProcess(t, folder, {}, { original });
    const lock = join(folder, ".lock");
    t.is(await readFile(lock, "utf8"), String(holder.pid));
    await t.throwsAsync(new Store().open(folder), {
      code: "OPSLOG_LOCKED",
      message:
        `Store is locked by process ${holder.pid}. Close the store there, or end that process, or open this one ` +
        "with readOnly. The lock of a process that has ended is taken over.",
    });
    await holder.kill();
    await t.notThrowsAsync(openAndClose(folder));
  }
});

posix(
  "open(), the lock is still empty because its owner is about to write its pid, does not steal it",
  async (t) => {
    const folder = await temporaryFolder(t);
    await openAndClose(folder);
    const owner = await startStoreProcess(t);
    await owner.call("holdFile", join(folder, ".lock"));
    const opening = t.throwsAsync(new Store().open(folder), { code: "OPSLOG_LOCKED" });
    await delay(100);
    await owner.call("writeHeldFile", String(owner.pid));
    await opening;
    t.is(await readFile(join(folder, ".lock"), "utf8"), String(owner.pid));
  },
);

posix("open(), the lock belongs to a process of another user, does not steal it", async (t) => {
  const folder = await temporaryFolder(t);
  await openAndClose(folder);
  await chmod(folder, 0o777);
  await writeFile(join(folder, ".lock"), "1");
  const stranger = await startStoreProcess(t);
  await stranger.call("becomeNobody");
  await t.throwsAsync(stranger.call("open", folder, {}), { message: /Store is locked by process 1\./ });
  t.is(await readFile(join(folder, ".lock"), "utf8"), "1");
});

test("open(), an earlier process with this pid left the lock, takes it over", async (t) => {
  const folder = await temporaryFolder(t);
  await openAndClose(folder);
  await writeFile(join(folder, ".lock"), String(process.pid));
  await t.notThrowsAsync(openAndClose(folder));
  t.deepEqual(await storedEntries(Store, folder), []);
});

posix("open(), the lock file can't be read, rejects with OPSLOG_IO and writes nothing", async (t) => {
  const folder = await temporaryFolder(t);
  await openAndClose(folder);
  await mkdir(join(folder, ".lock"));
  const before = await contents(folder);
  await t.throwsAsync(new Store().open(folder), { code: "OPSLOG_IO" });
  t.deepEqual(await contents(folder), before);
  await rm(join(folder, ".lock"), { recursive: true });
  await t.notThrowsAsync(openAndClose(folder));
});

posix(
  "open() in the process that holds the lock, by a second store, rejects and says that it is this very process",
  async (t) => {
    const folder = await temporaryFolder(t);
    const first = new Store();
    await first.open(folder);
    await t.throwsAsync(new Store().open(folder), {
      code: "OPSLOG_LOCKED",
      message: new RegExp(
        `^Store is locked by process ${process.pid}\\. It is this very process: another Store`,
      ),
    });
    await first.set("a", { n: 1 });
    await first.close();
    t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
  },
);
