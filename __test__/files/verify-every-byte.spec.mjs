/** Whatever byte of a store is changed: what a store would stumble over, Store.verify() has told. */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { activeWal, currentSnapshot, temporaryFolder } from "../helpers/store-folder.mjs";

async function smallStore(t) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false });
  for (const id of ["a", "b", "old"]) await store.set(id, { n: 1, ä: [null, true, -1.5e3] });
  await store.archive((_, id) => id === "old", "2020");
  await store.set("a", { n: 2, text: "long enough to make a patch pay" });
  await store.set("a", { n: 3, text: "long enough to make a patch pay" });
  await store.batch(() => {
    store.set("c", "text");
    store.delete("b");
  });
  await store.close();
  return folder;
}

/** What a reader finds; an error, a skipped line or a torn end is trouble. */
async function hasTrouble(folder) {
  const store = new Store();
  try {
    await store.open(folder, { readOnly: true });
  } catch {
    return true;
  }
  try {
    store.entries();
    store.getOps();
    for (const segment of store.listArchiveSegments()) await store.loadArchive(segment);
    return store.recovery.skippedLines.length > 0 || store.recovery.tornBytes > 0;
  } catch {
    return true;
  } finally {
    await store.close();
  }
}

const changes = {
  "its lowest bit": (byte) => byte ^ 0x01,
  "its highest bit": (byte) => byte ^ 0x80,
  "a line end": () => 0x0a,
  "a quote": () => 0x22,
};

const files = {
  manifest: async (folder) => join(folder, "manifest.json"),
  snapshot: currentSnapshot,
  log: activeWal,
  "archive segment": async (folder) => {
    const [name] = await readdir(join(folder, "archive"));
    return join(folder, "archive", name);
  },
};

for (const [what, fileOf] of Object.entries(files)) {
  test(`verify(), any byte of the ${what} is another, tells of all that a store would stumble over`, async (t) => {
    const folder = await smallStore(t);
    const path = await fileOf(folder);
    const whole = await readFile(path);
    let [troubles, told] = [0, 0];
    for (const [how, change] of Object.entries(changes)) {
      for (let at = 0; at < whole.length; at++) {
        const content = Buffer.from(whole);
        content[at] = change(content[at]);
        if (content[at] === whole[at]) continue;
        await writeFile(path, content);
        const report = await Store.verify(folder);
        const isTrouble = await hasTrouble(folder);
        const place = `byte ${at} became ${how}: ${JSON.stringify(report.damage)}`;
        if (isTrouble && report.ok) t.fail(`nothing was told, but a store is in trouble: ${place}`);
        // What a manifest says wrongly of another file is told of that file.
        if (!report.ok && what !== "manifest") {
          const [{ path: named, offset }] = report.damage;
          // A document stops making sense behind the change, a line is named by its beginning.
          const isBefore = what === "archive segment" || offset <= at + 1;
          if (named !== path || !isBefore) t.fail(`told of the wrong place: ${place}`);
        }
        troubles += isTrouble;
        told += !report.ok;
      }
    }
    t.true(troubles > whole.length / 2);
    t.true(told >= troubles);
    await writeFile(path, whole);
    t.true((await Store.verify(folder)).ok);
  });

  test(`verify(), the ${what} ends early anywhere, tells of all that a store would stumble over`, async (t) => {
    const folder = await smallStore(t);
    const path = await fileOf(folder);
    const whole = await readFile(path);
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      const report = await Store.verify(folder);
      if (report.ok && (await hasTrouble(folder))) t.fail(`cut at ${length}`);
    }
    t.pass();
  });
}
