// File systems that lack calls: CIFS, FAT, vboxsf, FUSE, network file systems without a lock service.

import { access, readFile, readdir, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { Control } from "../../campaigns/faults/control.mjs";
import { buildShim, underShim, whyNot } from "../../campaigns/faults/shim.mjs";
import { cli } from "../helpers/cli.mjs";
import { startStoreProcess } from "../helpers/processes.mjs";
import { storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

const why = whyNot();
if (why !== null) console.warn(`NOT TESTED: no system call can be left out here, because ${why}.`);
const on = why === null ? test.serial : test.serial.skip;
const { EBADF, EINVAL, EIO, EMLINK, ENOLCK, ENOSYS, EOPNOTSUPP, EPERM } = constants.errno;
const nameOf = (errno) => Object.keys(constants.errno).find((name) => constants.errno[name] === errno);

/** A folder, and a process that finds no such calls below it, as if its file system did not know them. */
async function lacking(t, kinds, errno, options) {
  const place = await temporaryFolder(t);
  const folder = await temporaryFolder(t);
  const control = new Control(join(place, "control"));
  t.teardown(() => control.close());
  control.lack(kinds, errno);
  const env = underShim(buildShim(place), { root: folder, control: join(place, "control") });
  const start = () => startStoreProcess(t, { env, ...options });
  return { folder, env, start, store: await start() };
}

/** All that makes files in a folder. */
async function useAll(store, folder, options = {}) {
  await store.call("open", folder, options);
  await store.call("set", "a", { n: 1 });
  await store.call("batchSet", [
    ["b", { n: 2 }],
    ["c", { n: 3 }],
  ]);
  await store.call("compact");
  await store.call("undo");
  await store.call("set", "d", { n: 4 });
  await store.call("close");
}

const ids = async (folder) => (await storedEntries(Store, folder)).map(([id]) => id);

for (const errno of [EINVAL, EOPNOTSUPP, ENOSYS, EBADF]) {
  on(`open(), a folder cannot be synced (${nameOf(errno)}), goes on without and tells`, async (t) => {
    for (const [more, open] of [
      [{}, "open"],
      [{ agentId: "a" }, "open"],
      [{ durability: "always" }, "open"],
      [{}, "openSubclass"],
    ]) {
      const { folder, store } = await lacking(t, ["fsync of a folder"], errno);
      await store.call(open, folder, more);
      if (open === "open") t.deepEqual((await store.call("recovery")).unsupported, ["folder-sync"]);
      await store.call("set", "a", { n: 1 });
      await store.call("compact");
      await store.call("set", "b", { n: 2 });
      await store.call("close");
      t.deepEqual(await ids(folder), ["a", "b"]);
      await store.call(open, folder, more);
      await store.call("compact");
      if (open === "open") t.deepEqual((await store.call("recovery")).unsupported, ["folder-sync"]);
      await store.call("close");
    }
  });
}

on("open(), a folder's sync fails with EIO, rejects with OPSLOG_IO", async (t) => {
  const { folder, store } = await lacking(t, ["fsync of a folder"], EIO);
  await t.throwsAsync(store.call("open", folder, {}), { code: "OPSLOG_IO", message: /^EIO: .*, fsync '/ });
});

for (const errno of [EINVAL, ENOSYS]) {
  on(
    `open(), no file can be synced (${nameOf(errno)}), goes on without, unless writes are to be durable`,
    async (t) => {
      const { folder, store } = await lacking(t, ["fsync", "fdatasync"], errno);
      await useAll(store, folder);
      t.deepEqual(await ids(folder), ["a", "b", "c", "d"]);
      await store.call("open", folder, {});
      await store.call("compact");
      t.deepEqual((await store.call("recovery")).unsupported, ["file-sync"]);
      await store.call("close");
      const { folder: other, store: durable } = await lacking(t, ["fsync", "fdatasync"], errno);
      const refused = durable.call("open", other, { durability: "always" });
      await t.throwsAsync(refused, {
        code: "OPSLOG_IO",
        message: new RegExp(`^${nameOf(errno)}: .*fdatasync`),
      });
    },
  );
}

for (const errno of [ENOSYS, EOPNOTSUPP, ENOLCK]) {
  on(
    `open(), there are no kernel locks (${nameOf(errno)}), says so and goes by the pid where that is asked for`,
    async (t) => {
      const { folder, store, start } = await lacking(t, ["flock", "unlock"], errno);
      const refused = await t.throwsAsync(store.call("open", folder, {}), { code: "OPSLOG_UNSUPPORTED" });
      t.regex(refused.message, /no kernel locks \(flock: .*locking: "pid"/);
      // Node has no name for each.
      t.is(refused.causeCode, errno === ENOLCK ? undefined : nameOf(errno));
      const locking = "pid";
      await useAll(store, folder, { locking });
      await store.call("open", folder, { locking });
      t.is(await readFile(join(folder, ".lock"), "utf8"), String(store.pid));
      t.deepEqual((await store.call("recovery")).unsupported, ["kernel-locks"]);
      const second = await start();
      await t.throwsAsync(second.call("open", folder, { locking }), {
        code: "OPSLOG_LOCKED",
        message: new RegExp(`^Store is locked by process ${store.pid}\\.`),
      });
      const original = await startStoreProcess(t, { original: true });
      await t.throwsAsync(original.call("open", folder, {}), { message: /^Store is locked by process / });
      await store.call("set", "e", { n: 5 });
      await store.kill();
      await second.call("open", folder, { locking });
      await second.call("close");
      await t.throwsAsync(access(join(folder, ".lock")), { code: "ENOENT" });
      t.deepEqual(await ids(folder), ["a", "b", "c", "d", "e"]);
      // As after a restart in a container, and one that names no process any more.
      for (const pid of [String(second.pid), "2147483646"]) {
        await writeFile(join(folder, ".lock"), pid);
        await second.call("open", folder, { locking });
        await second.call("close");
      }
    },
  );

  on(
    `open() with agentId, there are no kernel locks (${nameOf(errno)}), rejects with OPSLOG_UNSUPPORTED`,
    async (t) => {
      const { folder, store } = await lacking(t, ["flock", "unlock"], errno);
      for (const open of ["open", "openSubclass"]) {
        const refused = await t.throwsAsync(store.call(open, folder, { agentId: "a" }), {
          code: "OPSLOG_UNSUPPORTED",
        });
        t.regex(refused.message, /agents .* lose each other's writes/);
      }
      await t.throwsAsync(store.call("open", folder, { agentId: "a", locking: "pid" }), {
        code: "OPSLOG_INVALID_ARGUMENT",
        message: /option locking must be "kernel" with an agentId/,
      });
    },
  );
}

on(
  'open() and acquireLock() through an FsBackend, there are no kernel locks, take locking: "pid" as well',
  async (t) => {
    const { folder, store } = await lacking(t, ["flock", "unlock"], ENOSYS);
    await t.throwsAsync(store.call("openSubclass", folder, {}), { code: "OPSLOG_UNSUPPORTED" });
    await store.call("openSubclass", folder, { locking: "pid" });
    await store.call("set", "a", { n: 1 });
    await store.call("compact");
    await store.call("close");
    t.deepEqual(await ids(folder), ["a"]);
    await t.throwsAsync(store.call("lockAndRelease", folder), { code: "OPSLOG_UNSUPPORTED" });
    await store.call("lockAndRelease", folder, { locking: "pid" });
  },
);

on(
  'open() by many processes at once with locking: "pid", a dead one left its lock, lets exactly one in',
  async (t) => {
    const { folder, start, store } = await lacking(t, ["flock", "unlock"], ENOSYS);
    await store.call("open", folder, { locking: "pid" });
    await store.call("close");
    const openers = [store, ...(await Promise.all(Array.from({ length: 5 }, start)))];
    for (let round = 0; round < 5; round++) {
      await writeFile(join(folder, ".lock"), "2147483646");
      const at = Date.now() + 50;
      const outcomes = await Promise.allSettled(
        openers.map((opener) => opener.call("openAt", at, folder, { locking: "pid" })),
      );
      const winners = openers.filter((_, n) => outcomes[n].status === "fulfilled");
      t.is(winners.length, 1);
      for (const { reason } of outcomes.filter(({ status }) => status === "rejected")) {
        t.is(reason.code, "OPSLOG_LOCKED");
      }
      await winners[0].call("close");
    }
  },
);

for (const errno of [EPERM, EOPNOTSUPP, ENOSYS, EMLINK]) {
  on(
    `open(), a file can have one name only (${nameOf(errno)}), works with and without agentId`,
    async (t) => {
      for (const more of [{}, { agentId: "a" }, { locking: "pid" }]) {
        const { folder, store, start } = await lacking(t, ["link"], errno);
        await useAll(store, folder, more);
        await store.call("open", folder, more);
        const second = await start();
        await t.throwsAsync(second.call("open", folder, more), { code: "OPSLOG_LOCKED" });
        await store.kill();
        await second.call("open", folder, more);
        await second.call("close");
      }
      const { folder, store } = await lacking(t, ["link"], errno);
      await store.call("openSubclass", folder, {});
      await store.call("set", "a", { n: 1 });
      await store.call("compact");
      await store.call("close");
      t.deepEqual(await ids(folder), ["a"]);
    },
  );
}

on("open(), nothing of all this is there, works for a single writer as 0.8.1 does", async (t) => {
  const kinds = ["fsync of a folder", "fsync", "fdatasync", "sync_file_range", "flock", "unlock", "link"];
  const { folder, store } = await lacking(t, kinds, EOPNOTSUPP);
  await useAll(store, folder, { locking: "pid" });
  await useAll(store, folder, { locking: "pid", writeMode: "group" });
  t.deepEqual((await ids(folder)).sort(), ["a", "b", "c", "d"]);
});

on("compact, import and repair of the program, there are no kernel locks, take --locking pid", async (t) => {
  const { folder, env } = await lacking(t, ["flock", "unlock"], ENOLCK);
  const run = (args, input) => cli(t, args, { env, input });
  const line = (id) => `${JSON.stringify({ id, data: { n: 1 } })}\n`;
  const refused = await run(["import", folder], line("a"));
  t.is(refused.status, 1);
  t.regex(refused.stderr, /has no kernel locks .*--locking pid/);
  t.is((await run(["import", folder, "--locking", "pid"], line("a"))).status, 0);
  t.is((await run(["compact", folder])).status, 1);
  t.is((await run(["compact", folder, "--locking", "pid"])).status, 0);
  const log = join(folder, "ops", (await readdir(join(folder, "ops"))).sort().at(-1));
  await writeFile(log, "no line\n", { flag: "a" });
  t.is((await run(["repair", folder])).status, 1);
  t.is((await run(["repair", folder, "--locking", "pid"])).status, 0);
  t.is((await run(["compact", folder, "--locking", "none"])).status, 2);
  t.deepEqual(await ids(folder), ["a"]);
});

test("open(), option locking, is checked", async (t) => {
  const folder = await temporaryFolder(t);
  for (const locking of ["", "none", 1, true]) {
    await t.throwsAsync(new Store().open(folder, { locking }), {
      instanceOf: TypeError,
      code: "OPSLOG_INVALID_ARGUMENT",
      message: /^option locking must be "kernel" or "pid", got /,
    });
  }
  const store = new Store();
  await store.open(folder, { locking: undefined });
  await store.close();
  await store.open(folder, { locking: "pid" });
  t.false("unsupported" in store.recovery);
  await t.throwsAsync(new Store().open(folder), { code: "OPSLOG_LOCKED" });
  await store.close();
  await store.open(folder, { locking: "kernel", agentId: "a" });
  await store.close();
});
