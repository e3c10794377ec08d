/** Store.verify() and Store.repair() of index files: every page, and every entry against its record. */
import { readFile, readdir, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { PAGE, editPage, flip, indexEntries, lineStarts, offsetOf } from "../helpers/damage.mjs";
import { activeWal, contents, currentSnapshot, reopened, temporaryFolder } from "../helpers/store-folder.mjs";

const RECORDS = 6000;

/** A folder whose snapshot and log both have an index. */
async function indexedFolder(t) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  const options = { checkpointThreshold: Infinity, checkpointOnClose: false, writeMode: "async" };
  await store.open(folder, { ...options, groupCommitSize: 1000 });
  for (let n = 0; n < RECORDS; n++) store.set(`id-${n}`, { n, text: "x".repeat(200) });
  await store.compact();
  for (let n = 0; n < RECORDS; n++) store.set(`id-${n % 4000}`, { n: n + 1, text: "y".repeat(200) });
  await store.close();
  return folder;
}

async function indexOf(folder, fileOf) {
  return join(folder, "index", `${basename(await fileOf(folder))}.idx`);
}

const kinds = { "a snapshot": currentSnapshot, "a log": activeWal };

for (const [kind, fileOf] of Object.entries(kinds)) {
  test(`verify() of an index of ${kind} that is whole, counts its entries`, async (t) => {
    const folder = await indexedFolder(t);
    const indexes = (await readdir(join(folder, "index"))).filter((name) => name.endsWith(".idx"));
    t.is(indexes.length, 2);
    const before = await contents(folder);
    const report = await Store.verify(folder);
    t.like(report, { ok: true, damageCount: 0, indexEntries: RECORDS + 4000 });
    t.deepEqual(await contents(folder), before);
  });

  for (const [part, offset, told] of [
    ["name of its format", 3, 0],
    ["key", 20, 0],
    ["fingerprint", 58, 0],
    ["first page's checksum", PAGE - 1, 0],
    ["page's checksum", PAGE, PAGE],
    ["page's count", PAGE + 4, PAGE],
    ["page's first entry", PAGE + 16 + 9, PAGE],
    ["third page's last bytes", 4 * PAGE - 1, 3 * PAGE],
  ]) {
    test(`verify() of an index of ${kind}, a byte of its ${part} was changed, names the page`, async (t) => {
      const folder = await indexedFolder(t);
      const path = await indexOf(folder, fileOf);
      await flip(path, offset);
      const { damage } = await Store.verify(folder);
      t.deepEqual(
        damage.map((each) => [each.path, each.offset, each.remedy, each.current]),
        [[path, told, "rebuild", true]],
      );
    });
  }

  test(`verify() of an index of ${kind} that was cut, says how long it should be`, async (t) => {
    const folder = await indexedFolder(t);
    const path = await indexOf(folder, fileOf);
    await truncate(path, 5 * PAGE);
    const { damage } = await Store.verify(folder);
    t.is(damage.length, 1);
    t.like(damage[0], { path, offset: 5 * PAGE, remedy: "rebuild" });
  });

  test(`verify() of an index of ${kind}, an entry points to the wrong record, names the entry`, async (t) => {
    const folder = await indexedFolder(t);
    const path = await indexOf(folder, fileOf);
    const entries = await indexEntries(path);
    const [wrong, right] = [entries[10], entries[700]];
    await editPage(path, wrong.at, (page, at) => page.writeBigUInt64LE(BigInt(right.offset), at + 8));
    const { damage } = await Store.verify(folder);
    const name = (await fileOf(folder)).slice(folder.length + 1).replaceAll("\\", "/");
    t.deepEqual(damage.map((each) => each.what).sort(), [
      `there is no entry for the record at byte ${wrong.offset} of ${name}`,
      `this entry points to byte ${right.offset} of ${name}, where another record stands`,
    ]);
    t.like(
      damage.find((each) => each.offset !== 0),
      { path, offset: wrong.at, remedy: "rebuild" },
    );
  });

  test(`verify() of an index of ${kind}, an entry points into a line, names the entry`, async (t) => {
    const folder = await indexedFolder(t);
    const path = await indexOf(folder, fileOf);
    const [entry] = await indexEntries(path);
    await editPage(path, entry.at, (page, at) => page.writeBigUInt64LE(BigInt(entry.offset + 5), at + 8));
    const found = (await Store.verify(folder)).damage.find((each) => each.offset === entry.at);
    t.regex(found.what, /where no record begins/);
    t.is(found.path, path);
  });

  test(`verify() of an index of ${kind}, an entry says another length, names the entry`, async (t) => {
    const folder = await indexedFolder(t);
    const path = await indexOf(folder, fileOf);
    const [entry] = await indexEntries(path);
    await editPage(path, entry.at, (page, at) => page.writeUInt32LE(entry.length - 1, at + 4));
    t.true(
      (await Store.verify(folder)).damage.some((each) => each.path === path && each.offset === entry.at),
    );
  });

  test(`verify() of an index of ${kind}, an entry stands where no search comes by, names it`, async (t) => {
    const folder = await indexedFolder(t);
    const path = await indexOf(folder, fileOf);
    const entry = (await indexEntries(path)).at(-1);
    await editPage(path, entry.at, (page, at) => page.writeUInt32LE(1, at));
    const found = (await Store.verify(folder)).damage.filter((each) => each.offset === entry.at);
    t.true(found.some((each) => each.what === "no search comes by this entry"));
  });

  test(`repair() of an index of ${kind}, an entry points to the wrong record, makes the index again`, async (t) => {
    const folder = await indexedFolder(t);
    const path = await indexOf(folder, fileOf);
    const entries = await indexEntries(path);
    await editPage(path, entries[10].at, (page, at) =>
      page.writeBigUInt64LE(BigInt(entries[700].offset), at + 8),
    );
    const damaged = await readFile(path);
    const { before, steps, after } = await Store.repair(folder);
    t.false(before.ok);
    t.is(steps.length, 1);
    t.like(after, { ok: true, indexEntries: RECORDS + 4000 });
    t.deepEqual(await readFile(steps[0].aside), damaged);
    const found = await reopened(Store, folder, (store) => [store.recovery.indexRebuilt, store.count()]);
    t.deepEqual(found, [false, RECORDS]);
  });
}

test("verify() of a snapshot whose id was changed, is told by its index too", async (t) => {
  const folder = await indexedFolder(t);
  const path = await currentSnapshot(folder);
  const offset = await offsetOf(path, '{"id":"id-3000"');
  await flip(path, offset + 7, "j");
  const { damage } = await Store.verify(folder);
  t.is(damage.length, 2);
  for (const { path: index, what } of damage) {
    t.is(index, await indexOf(folder, currentSnapshot));
    t.true(what.includes(` byte ${offset} of `));
  }
});

test("verify() of a snapshot whose last value was changed, knows it by its index", async (t) => {
  const folder = await indexedFolder(t);
  const path = await currentSnapshot(folder);
  const { length } = await readFile(path);
  await flip(path, length - 20);
  const { damage } = await Store.verify(folder);
  t.is(damage.length, 1);
  t.like(damage[0], { path, current: true, remedy: null });
  t.true(damage[0].offset >= length - 4096 && damage[0].offset <= length - 20);
});

test("verify() of a snapshot that lost its last line, is told by manifest and index", async (t) => {
  const folder = await indexedFolder(t);
  const path = await currentSnapshot(folder);
  const end = (await lineStarts(path)).at(-1);
  await truncate(path, end);
  const { damage } = await Store.verify(folder);
  t.deepEqual(
    damage.map((each) => [each.path, each.offset]),
    [
      [path, end],
      [path, end],
    ],
  );
});

test("verify() of an index of a log that 0.8.1 cut, or of a file that is gone, finds nothing", async (t) => {
  const folder = await indexedFolder(t);
  const log = await activeWal(folder);
  await truncate(log, (await lineStarts(log)).at(-1));
  const index = await indexOf(folder, activeWal);
  await writeFile(join(folder, "index", "snap-1.jsonl.idx"), await readFile(index));
  t.deepEqual((await Store.verify(folder)).damage, []);
});
