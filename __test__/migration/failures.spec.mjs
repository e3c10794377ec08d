import { access } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import {
  contents,
  readManifest,
  reopened,
  storedEntries,
  temporaryFolder,
} from "../helpers/store-folder.mjs";

const second = { version: 2, migrate: (record, from) => ({ ...record, from }) };

async function folderWithBoth(t) {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, (store) => store.set("snapshot", { n: 1 }), { checkpointOnClose: true });
  await reopened(Store, folder, (store) => store.set("log", { n: 2 }));
  return folder;
}

const migrated = [
  ["snapshot", { n: 1, from: 1 }],
  ["log", { n: 2, from: 1 }],
];

test("open() with a newer version, records are in the log too, migrates every one for good", async (t) => {
  const folder = await folderWithBoth(t);
  t.deepEqual(await storedEntries(Store, folder, second), migrated);
  t.is((await readManifest(folder)).version, 2);
  t.deepEqual(await storedEntries(Store, folder, { version: 2 }), migrated);
});

const badMigrations = {
  "is async": async (record) => record,
  throws: () => {
    throw new Error("cannot migrate");
  },
};

for (const [title, migrate] of Object.entries(badMigrations)) {
  test(`open() with a newer version, migrate ${title}, rejects with nothing written`, async (t) => {
    const folder = await folderWithBoth(t);
    const before = await contents(folder);
    const store = new Store();
    await t.throwsAsync(store.open(folder, { version: 2, migrate }));
    t.deepEqual(await contents(folder), before);
    await store.open(folder, { checkpointOnClose: false });
    t.deepEqual(store.entries(), [
      ["snapshot", { n: 1 }],
      ["log", { n: 2 }],
    ]);
    await store.close();
  });
}

test("refresh() of a read-only store, the folder has the older version, keeps records migrated", async (t) => {
  const folder = await folderWithBoth(t);
  const before = await contents(folder);
  const reader = new Store();
  await reader.open(folder, { ...second, readOnly: true });
  t.deepEqual(reader.entries(), migrated);
  t.deepEqual(await contents(folder), before);
  await reopened(Store, folder, (store) => store.set("later", { n: 3 }));
  await reader.refresh();
  t.deepEqual(reader.entries(), [...migrated, ["later", { n: 3, from: 1 }]]);
  await reader.close();
});

test("refresh() of an agent, it was opened with a newer version, keeps records migrated", async (t) => {
  const folder = await temporaryFolder(t);
  const agent = { agentId: "one", checkpointOnClose: false };
  await reopened(Store, folder, (store) => store.set("a", { n: 1 }), { ...agent, checkpointOnClose: true });
  await reopened(Store, folder, (store) => store.set("b", { n: 2 }), agent);
  await reopened(
    Store,
    folder,
    async (store) => {
      await store.refresh();
      t.deepEqual(store.entries(), [
        ["a", { n: 1, from: 1 }],
        ["b", { n: 2, from: 1 }],
      ]);
    },
    { ...agent, ...second },
  );
});

for (const version of [0, 1.5, NaN, -1]) {
  test(`open(), version is ${version}, rejects and leaves a folder that opens`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    const error = await t.throwsAsync(store.open(folder, { version }));
    t.true(error instanceof RangeError || error instanceof TypeError);
    t.regex(error.message, /version/);
    await t.throwsAsync(access(join(folder, ".lock")), { code: "ENOENT" });
    await store.open(folder);
    await store.set("a", { n: 1 });
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
  });
}

test("open(), version is undefined, means version 1 and the folder opens again", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, (store) => store.set("a", { n: 1 }), {
    version: undefined,
    migrate: undefined,
    checkpointOnClose: undefined,
  });
  t.is((await readManifest(folder)).version, 1);
  t.deepEqual(await storedEntries(Store, folder, { version: undefined }), [["a", { n: 1 }]]);
});

test("open(), every option is undefined, makes the checkpoints of the defaults", async (t) => {
  const folder = await temporaryFolder(t);
  const names =
    "checkpointThreshold checkpointOnClose version migrate readOnly skipLoad backend agentId writeMode groupCommitSize groupCommitMs";
  const store = new Store();
  await store.open(folder, Object.fromEntries(names.split(" ").map((name) => [name, undefined])));
  const { currentSnapshot } = await readManifest(folder);
  for (let n = 0; n < 100; n++) await store.set(`id-${n}`, { n });
  t.is(store.stats().opsCount, 0);
  await store.set("last", { n: 100 });
  t.is(store.stats().opsCount, 1);
  await store.close();
  const manifest = await readManifest(folder);
  t.not(manifest.currentSnapshot, currentSnapshot);
  t.is(manifest.stats.activeRecords, 101);
});
