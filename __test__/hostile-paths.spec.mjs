import { mkdir, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../index.mjs";
import { manual } from "./helpers/agents.mjs";
import { contents, readManifest, temporaryFolder, writeManifest } from "./helpers/store-folder.mjs";

const readOnly = { readOnly: true };
const canaryText = "a canary, which must not be read or written";

/** A folder with a store in it and a canary beside it, where climbing paths lead. */
async function guarded(t) {
  const root = await temporaryFolder(t);
  const folder = join(root, "store");
  const outside = join(root, "outside");
  await mkdir(outside);
  for (const name of ["canary", "canary.json", "canary.jsonl", "archive-canary.json", "manifest.json"]) {
    await writeFile(join(outside, name), canaryText);
  }
  await writeFile(join(root, "canary"), canaryText);
  const store = new Store();
  await store.open(folder, manual);
  await store.set("a", { n: 1 });
  await store.archive(() => true, "real");
  await store.set("b", { n: 2 });
  await store.close();
  const before = await contents(outside);
  const stillThere = async (message) => {
    t.deepEqual(await contents(outside), before, message);
    t.deepEqual((await readdir(root)).sort(), ["canary", "outside", "store"], message);
    t.is(await readFile(join(root, "canary"), "utf8"), canaryText, message);
  };
  return { root, folder, outside, stillThere };
}

/** Path strings that lead, or try to lead, to the canaries; more than 300 of them. */
function pathsTo(root) {
  const ups = [
    "..",
    "../",
    "..\\",
    "../..",
    "./..",
    ".//..",
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
    "./",
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
  // What would be read through, if it was: a record that nobody may see.
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

for (const [name, make] of Object.entries({
  "the log": async (folder) => join(folder, (await readManifest(folder)).activeOps),
  ".lock": (folder) => join(folder, ".lock"),
  "an agent's lock": (folder) => join(folder, "index", "agent-one.lock"),
  "the agents' lock": (folder) => join(folder, "index", "lock"),
  "the agents' door": (folder) => join(folder, "index", "door"),
  "an archive segment": (folder) => join(folder, "archive", "archive-new.json"),
  "the manifest's temporary": (folder) => join(folder, `manifest.json.${process.pid}-0.tmp`),
  "a torn end": async (folder) => `${join(folder, (await readManifest(folder)).activeOps)}.torn`,
  "a blob": (folder) => join(folder, "blob"),
})) {
  test(`a symbolic link in the place of ${name}, nothing is written through it`, async (t) => {
    const { folder, outside, stillThere } = await guarded(t);
    const place = await make(folder);
    await mkdir(join(folder, "index"), { recursive: true });
    await rm(place, { force: true });
    await symlink(join(outside, "canary"), place);
    for (const options of [manual, { ...manual, agentId: "one" }]) {
      const store = new Store();
      const steps = [
        () => store.open(folder, options),
        () => store.set("c", { n: 3 }),
        () => store.batch(() => store.set("d", { n: 4 })),
        () => store.undo(),
        () => store.archive((_, id) => id === "c", "new"),
        () => store.compact(),
        () => store.close(),
      ];
      for (const step of steps) {
        try {
          await step();
        } catch (error) {
          t.not(error.code, undefined, error.stack);
        }
      }
      await store.close().catch(() => {});
      await stillThere(JSON.stringify(options));
    }
    const blobs = new FsBackend();
    await blobs.initialize(folder, { readOnly: false });
    await blobs.writeBlob("blob", Buffer.from("mine")).catch(() => {});
    await stillThere("a blob");
  });
}

test("symbolic links in the place of every temporary name that comes next, nothing is written through them", async (t) => {
  const { folder, outside, stillThere } = await guarded(t);
  const store = new Store();
  await store.open(folder, manual);
  for (let n = 0; n < 60; n++) {
    const now = Date.now();
    for (const name of [`manifest.json`, `archive/archive-q.json`, `snapshots/snap-${now + n}.jsonl`]) {
      await symlink(join(outside, "canary"), join(folder, `${name}.${process.pid}-${n}.tmp`)).catch(() => {});
    }
  }
  for (let n = 0; n < 3; n++) {
    await store.set("a", { n });
    await store.compact().catch(({ code }) => t.is(code, "OPSLOG_IO"));
    await store.archive(() => true, "q").catch(({ code }) => t.is(code, "OPSLOG_IO"));
    await stillThere(`round ${n}`);
  }
  await store.close().catch(() => {});
  await stillThere("in the end");
});
