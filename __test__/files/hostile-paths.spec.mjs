import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { manual } from "../helpers/agents.mjs";
import { canaryText, guarded } from "../helpers/canaries.mjs";
import { contents, readManifest, writeManifest } from "../helpers/store-folder.mjs";

const readOnly = { readOnly: true };

/** Path strings that lead, or try to lead, to the canaries; more than 300 of them. */
function pathsTo(root) {
  const ups = [
    "..",
    "./",
    "..\\",
    "./..",
    ".//..",
    "../..",
    "...",
    "....",
    "..;",
    "%2e%2e",
    "..%2f",
    "..%5c",
    "..\u2215",
    "．．",
    "..\u0000",
    "x/..",
    "x/../..",
    "ops/..",
    "ops/../..",
    "archive/../..",
    "snapshots/./../..",
  ];
  const ends = [
    "outside/canary",
    "canary",
    "outside/canary.jsonl",
    "outside\\canary",
    "outside/archive-canary.json",
    "outside//canary",
    "outside/./canary",
    "outside/canary/",
    "outside/canary\0.jsonl",
    "outside",
  ];
  const joined = ups.flatMap((up) => ends.flatMap((end) => [`${up}/${end}`, `archive/${up}/${end}`]));
  const absolute = ends.flatMap((end) => [
    join(root, end.replaceAll("\0", "")),
    `/${join(root, end.replaceAll("\0", ""))}`,
    `file://${root}/${end}`,
    `C:\\${end}`,
    `\\\\host\\${end}`,
    `~/${end}`,
  ]);
  const odd = [
    "",
    ".",
    "../",
    "/",
    "//",
    "\\",
    "\0",
    "a\0b",
    "\n",
    "\r\n",
    "\u0007",
    "CON",
    "nul",
    "a:b",
    "*",
    "?",
    "|",
    "-rf",
    "$(id)",
    "`id`",
    "a".repeat(300),
    "../".repeat(200) + "etc/passwd",
    "\ud800",
    "\u202e",
    ".lock",
    "manifest.json",
    ".compact-lock",
    "index/lock",
    " ",
    "a ",
    "a.",
    ".hidden",
  ];
  return [...joined, ...absolute, ...odd];
}

test("agentId, archive segment and blob paths, each of over 300 hostile strings, never leave the store's folder", async (t) => {
  const { root, folder, stillThere } = await guarded(t);
  const paths = pathsTo(root);
  t.true(paths.length > 300, `${paths.length}`);
  const store = new Store();
  await store.open(folder, manual);
  const blobs = new FsBackend();
  await blobs.initialize(folder, { readOnly: false });
  const tally = { refused: 0, taken: 0 };
  const attempt = async (call) => {
    try {
      const read = await call();
      tally.taken++;
      t.false(Buffer.isBuffer(read) && read.toString().includes("canary, which"));
    } catch (error) {
      tally.refused++;
      t.not(error.code, undefined, error.stack);
      t.false(error.message.includes("which must not be read"));
    }
  };
  for (const path of paths) {
    await attempt(() => store.archive(() => true, path));
    await attempt(() => store.loadArchive(path));
    await attempt(() => blobs.writeBlob(path, Buffer.from("written")));
    await attempt(() => blobs.readBlob(path));
    await attempt(() => blobs.readBlobRange(path, 0, 10));
    await attempt(() => blobs.listBlobs(path));
    await attempt(() => blobs.deleteBlob(path));
    await attempt(() => blobs.loadArchiveSegment(path));
    await attempt(() => blobs.loadSnapshot(path));
    await attempt(() => blobs.readOps(path));
    await attempt(() => new Store().open(join(root, "store"), { ...manual, agentId: path }));
    await stillThere(JSON.stringify(path));
  }
  t.true(tally.refused > 2000 && tally.taken > 0, JSON.stringify(tally));
  await store.close();
});

test("a manifest that names each of over 300 hostile paths, for snapshot, log, agent's log and archive, opens nothing outside", async (t) => {
  const { root, folder, outside, stillThere } = await guarded(t);
  const manifest = await readManifest(folder);
  // What would be read through, if it was: a record that no caller may see.
  const loot = '{"version":1,"timestamp":"2024-01-01T00:00:00.000Z"}\n{"id":"loot","data":{}}\n';
  await writeFile(join(outside, "canary.jsonl"), loot);
  const before = await contents(outside);
  for (const [n, path] of pathsTo(root).entries()) {
    const variants = [
      { currentSnapshot: path },
      { activeOps: path },
      { activeAgentOps: { one: path } },
      { archiveSegments: [path] },
    ];
    for (const variant of variants) {
      await writeManifest(folder, { ...manifest, ...variant });
      for (const options of n % 2 === 0 ? [readOnly] : [manual]) {
        const store = new Store();
        try {
          await store.open(folder, options);
        } catch (error) {
          t.not(error.code, undefined, `${JSON.stringify(variant)}: ${error.stack}`);
          continue;
        }
        t.false(store.has("loot"));
        if (options !== readOnly) await store.set("c", {}).catch(() => {});
        for (const segment of store.listArchiveSegments()) await store.loadArchive(segment).catch(() => {});
        await store.backup(join(root, "store", "..", "store-copy")).catch(() => {});
        await rm(join(root, "store-copy"), { recursive: true, force: true });
        await store.close().catch(() => {});
      }
    }
    t.deepEqual(await contents(outside), before, JSON.stringify(path));
  }
  await writeFile(join(outside, "canary.jsonl"), canaryText);
  await stillThere("in the end");
});
