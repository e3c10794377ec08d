// Permissions of a store's files: what an owner has closed to others stays closed, and what is open to a group stays open.

import { appendFile, chmod, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

class Subclass extends FsBackend {}
const on = process.platform === "win32" ? test.skip : test;

async function files(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** The files whose mode is another one, each with what it is. */
async function otherModes(folder, mode) {
  const found = await Promise.all(
    (await files(folder)).map(async (file) => [file, (await stat(file)).mode & 0o777]),
  );
  return found.filter(([, other]) => other !== mode).map(([file, other]) => `${file} ${other.toString(8)}`);
}

const large = { text: "x".repeat(400) };

for (const [title, options] of [
  ["a single writer", () => ({})],
  ["an agent", () => ({ agentId: "a" })],
  ["a subclass of FsBackend", () => ({ backend: new Subclass() })],
  ["an agent behind a subclass of FsBackend", () => ({ backend: new Subclass(), agentId: "a" })],
]) {
  for (const mode of [0o600, 0o640, 0o664]) {
    on(`files that ${title} makes, the store's have mode ${mode.toString(8)}, have it too`, async (t) => {
      const folder = await temporaryFolder(t);
      const store = new Store();
      await store.open(folder, options());
      await store.set("old", { n: 1 });
      await store.archive(({ n }) => n === 1, "2026");
      await store.close();
      for (const file of await files(folder)) await chmod(file, mode);
      await store.open(folder, options());
      t.deepEqual(await otherModes(folder, mode), []);
      // Large enough for an index file.
      await store.batch(() => {
        for (let n = 0; n < 3000; n++) store.set(`r${n}`, { n, ...large });
      });
      await store.compact();
      await store.set("old", { n: 1 });
      await store.set("older", { n: 1 });
      await store.archive(({ n }) => n === 1, "2026");
      await store.archive(({ n }) => n === 2, "2027");
      t.deepEqual(await otherModes(folder, mode), []);
      await store.set("last", { n: 9 });
      await store.close();
      t.deepEqual(await otherModes(folder, mode), []);
    });
  }
}

on("a torn end that open() sets aside, the store has mode 600, has it too", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false });
  await store.set("a", { n: 1 });
  await store.close();
  for (const file of await files(folder)) await chmod(file, 0o600);
  const [log] = await readdir(join(folder, "ops"));
  await appendFile(join(folder, "ops", log), '{"ts":"2026');
  await store.open(folder);
  t.true((await files(folder)).some((file) => file.endsWith(".torn")));
  t.deepEqual(await otherModes(folder, 0o600), []);
  await store.close();
});

for (const [title, options] of [
  ["a single writer", {}],
  ["a reader", { readOnly: true }],
]) {
  for (const mode of [0o600, 0o640]) {
    on(
      `backup() of ${title}, the store's files have mode ${mode.toString(8)}, makes files that have it too`,
      async (t) => {
        const folder = await temporaryFolder(t);
        const store = new Store();
        await store.open(folder);
        await store.set("old", { n: 1 });
        await store.compact();
        await store.set("new", { n: 2 });
        await store.close();
        for (const file of await files(folder)) await chmod(file, mode);
        await store.open(folder, options);
        const copy = join(await temporaryFolder(t), "copy");
        await store.backup(copy);
        await store.close();
        t.true((await files(copy)).length > 2);
        t.deepEqual(await otherModes(copy, mode), []);
      },
    );
  }
}
