import { mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { manual } from "../helpers/agents.mjs";
import { guarded } from "../helpers/canaries.mjs";
import { readManifest, storedEntries, writeManifest } from "../helpers/store-folder.mjs";

for (const [name, make] of Object.entries({
  "the log": async (folder) => join(folder, (await readManifest(folder)).activeOps),
  ".lock": (folder) => join(folder, ".lock"),
  "an agent's lock": (folder) => join(folder, "index", "agent-one.lock"),
  "the agents' lock": (folder) => join(folder, "index", "lock"),
  "the agents' door": (folder) => join(folder, "index", "door"),
  "the agents' sign that appends wait": (folder) => join(folder, "index", "waiting"),
  "the agents' turn": (folder) => join(folder, "index", "turn"),
  "the agents' lock of the next turn": (folder) => join(folder, "index", "next"),
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
        () => store.update("d", () => ({ n: 5 })),
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

/** A time that no clock reaches: the names that come next are those behind it. */
const FAR = 9_000_000_000_000;
/** So many names of each kind are planted; a temporary file tries a hundred. */
const NAMES = 60;

/** Every name that a store gives a file in the times to come, and every temporary name of these. */
function namesToCome(pid, agents) {
  const finals = ["manifest.json", "archive/archive-q.json", ".lock", ".compact-lock"];
  const created = [];
  for (let ms = FAR + 1; ms < FAR + 12; ms++) {
    const logs = [`ops-${ms}.jsonl`, ...agents.map((agent) => `agent-${agent}-${ms}.jsonl`)];
    created.push(`index/snap-${ms}.jsonl.idx`, ...logs.map((log) => `index/${log}.idx`));
    created.push(...logs.map((log) => `ops/${log}.torn`));
    finals.push(`snapshots/snap-${ms}.jsonl`, ...logs.map((log) => `ops/${log}`));
  }
  const temporaries = [...finals, ...created].flatMap((name) =>
    Array.from({ length: NAMES }, (_, n) => `${name}.${pid}-${n}.tmp`),
  );
  return { created, temporaries };
}

for (const agentId of [undefined, "one"]) {
  test(`symbolic links in the place of every temporary name and of every index file that comes next, ${agentId ? "an agent writes" : "a store is written to"}, nothing is written through them`, async (t) => {
    const { folder, outside, stillThere } = await guarded(t);
    const manifest = await readManifest(folder);
    const moved = { currentSnapshot: `snapshots/snap-${FAR}.jsonl`, activeOps: `ops/ops-${FAR}.jsonl` };
    for (const [name, path] of Object.entries(moved))
      await rename(join(folder, manifest[name]), join(folder, path));
    await writeManifest(folder, { ...manifest, ...moved });
    const options = { ...manual, agentId };
    await mkdir(join(folder, "index"), { recursive: true });
    const { created, temporaries } = namesToCome(process.pid, agentId ? [agentId] : []);
    for (const name of [...created, ...temporaries])
      await symlink(join(outside, "canary"), join(folder, name));
    const large = "x".repeat(1 << 20);
    const store = new Store();
    await store.open(folder, options);
    for (let n = 0; n < 3; n++) {
      // A snapshot that has an index file, and a log that has one.
      await store.set("large", { n, large });
      await store.batch(() => {
        store.set("c", { n });
        store.set("d", { n });
      });
      t.true(await store.undo());
      await store.compact();
      await stillThere(`checkpoint ${n}`);
      await store.set("gone", { n });
      t.is(await store.archive((_, id) => id === "gone", "q"), 1);
      for (let more = 0; more < 3; more++) await store.set(`log-${more}`, { n, large });
      await store.close();
      await stillThere(`close ${n}`);
      await store.open(folder, options);
      t.is(store.get("large").n, n);
    }
    await store.close();
    await stillThere("in the end");
    const found = await storedEntries(Store, folder, { readOnly: true });
    t.deepEqual(found.map(([id]) => id).sort(), ["b", "c", "large", "log-0", "log-1", "log-2"]);
    const indexes = (await readdir(join(folder, "index"), { withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    t.true(indexes.some(({ name }) => name.startsWith("snap-9") && name.endsWith(".idx")));
  });
}
