import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { original } from "../helpers/original.mjs";
import { readManifest, temporaryFolder, writeManifest } from "../helpers/store-folder.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };
const ids = (operations) => operations.map((operation) => operation.id);

async function opened(t, folder, options = manual, Class = Store) {
  const store = new Class();
  await store.open(folder, options);
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

test("a reader shows what it last looked at, though the writer has undone it and written over it since", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await opened(t, folder);
  for (const id of ["a", "b", "c"]) await writer.set(id, { id, text: "as it was" });
  const reader = await opened(t, folder, { readOnly: true });
  for (let n = 0; n < 2; n++) await writer.undo();
  await writer.set("d", { id: "d", text: "written over b" });
  for (const id of ["a", "b", "c"]) t.is(reader.get(id).id, id);
  t.deepEqual(ids(reader.getOps()), ["a", "b", "c"]);
  t.is(reader.all().length, 3);
  t.deepEqual(ids(await reader.tail()), ["d"]);
  t.deepEqual(reader.entries(), writer.entries());
  t.deepEqual(reader.getOps(), writer.getOps());
});

test("tail() returns a batch once, though its end was undone after the reader saw it", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await opened(t, folder);
  const reader = await opened(t, folder, { readOnly: true });
  await writer.batch(() => {
    writer.set("a", { n: 1 });
    writer.set("b", { n: 2 });
  });
  t.deepEqual(ids(await reader.tail()), ["a", "b"]);
  await writer.undo();
  t.deepEqual(await reader.tail(), []);
  t.deepEqual(reader.entries(), writer.entries());
});

/** Has the log that was empty when a checkpoint began go on in the next one, with a line that went to both. */
async function superseded(folder, line) {
  const manifest = await readManifest(folder);
  const next = manifest.activeOps.replace(/\d+/, (number) => String(Number(number) + 1));
  const { previousOps, previousEnd } = manifest;
  const marked = previousOps === undefined ? line : { ...line, after: `${previousOps}:${previousEnd}` };
  await writeFile(join(folder, next), `${JSON.stringify(marked)}\n`);
  await writeManifest(folder, { ...manifest, activeOps: next, generation: manifest.generation + 1 });
}

for (const what of ["first log of all", "log after another"]) {
  test(`tail() of a reader that saw late operations in the ${what}, superseded twice since, misses none`, async (t) => {
    const folder = await temporaryFolder(t);
    const before = await opened(t, folder);
    if (what === "log after another") {
      await before.set("old", { n: 0 });
      await before.compact();
    }
    await before.close();
    const reader = await opened(t, folder, { readOnly: true });
    const line = { ts: "2024-01-01T00:00:00.000Z", op: "set", id: "late", prev: null, data: { n: 1 } };
    const { activeOps } = await readManifest(folder);
    await appendFile(join(folder, activeOps), `${JSON.stringify(line)}\n`);
    t.deepEqual(ids(await reader.tail()), ["late"]);
    await superseded(folder, line);
    const writer = await opened(t, folder);
    await writer.set("unseen", { n: 2 });
    await writer.compact();
    await writer.set("after", { n: 3 });
    t.deepEqual(ids(await reader.tail()), ["unseen", "after"]);
    t.deepEqual(reader.entries(), writer.entries());
    t.is(await readFile(join(folder, activeOps), "utf8"), `${JSON.stringify(line)}\n`);
  });
}

test("tail(), after a checkpoint of 0.8.1, returns what it appended before and after", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = await opened(t, folder, { checkpointThreshold: 1000 }, original.Store);
  const reader = await opened(t, folder, { readOnly: true });
  await writer.set("seen", { n: 1 });
  t.deepEqual(ids(await reader.tail()), ["seen"]);
  await writer.set("unseen", { n: 2 });
  await writer.compact();
  await writer.set("after", { n: 3 });
  t.deepEqual(ids(await reader.tail()), ["unseen", "after"]);
  t.deepEqual(reader.entries(), writer.entries());
});
