/** Options that a method does not have: misspelled ones are refused, others told once and ignored. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { FsBackend, Store, streamSnapshotFile } from "../../index.mjs";
import { contents, readManifest, temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const refused = { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: TypeError };

async function openStore(t, options) {
  const store = new Store();
  const folder = await temporaryFolder(t);
  await store.open(folder, options);
  t.teardown(() => store.close());
  return { store, folder };
}

/** The warnings with our code that are emitted while `work` runs. */
async function warningsOf(work) {
  const warnings = [];
  const listener = (warning) => warning.code === "OPSLOG_UNKNOWN_OPTION" && warnings.push(warning.message);
  process.on("warning", listener);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("warning", listener);
  }
  return warnings;
}

const misspelled = {
  readonly: "readOnly",
  READONLY: "readOnly",
  read_only: "readOnly",
  "read-only": "readOnly",
  redaOnly: "readOnly",
  durabilty: "durability",
  durabillity: "durability",
  agentID: "agentId",
  agentid: "agentId",
  agent_id: "agentId",
  skipload: "skipLoad",
  chekpointTreshold: "checkpointThreshold",
  checkpointThreshhold: "checkpointThreshold",
  checkPointOnClose: "checkpointOnClose",
  versoin: "version",
  migrates: "migrate",
  writemode: "writeMode",
  backends: "backend",
  cachesize: "cacheSize",
  groupCommitMS: "groupCommitMs",
  groupcommitSize: "groupCommitSize",
  recover: "recovery",
  syncIntervalMS: "syncIntervalMs",
  backendTimeout: "backendTimeoutMs",
  onprogress: "onProgress",
};
for (const [name, meant] of Object.entries(misspelled)) {
  everywhere(`open() with the option ${name} is refused, names ${meant}, and writes nothing`, async (t) => {
    const folder = join(await temporaryFolder(t), "store");
    const error = await t.throwsAsync(new Store().open(folder, { [name]: true }), refused);
    t.is(error.message, `open() has no option "${name}". Did you mean ${meant}?`);
    await t.throwsAsync(contents(folder), { code: "ENOENT" });
  });
}

test("a misspelled option of any method is refused", async (t) => {
  const { store, folder } = await openStore(t);
  const { currentSnapshot } = await readManifest(folder);
  const wrong = { onprogress() {}, Signal: AbortSignal.abort() };
  const calls = [
    () => store.compact(wrong),
    () => store.archive(() => true, "x", wrong),
    () => store.backup(join(folder, "..", "copy"), wrong),
    () => store.backup(join(folder, "..", "copy"), { sealedlogs: true }),
    () => Store.verify(folder, wrong),
    () => Store.repair(folder, wrong),
  ];
  for (const call of calls) await t.throwsAsync(call(), { ...refused, message: /Did you mean/ });
  const aborted = { Signal: AbortSignal.abort() };
  const streams = [
    () => store.getWalOps("", aborted),
    () => store.streamSnapshot(aborted),
    () => streamSnapshotFile(folder, currentSnapshot, aborted),
  ];
  for (const call of streams) await t.throwsAsync(call().next(), { ...refused, message: /mean signal/ });
});

everywhere(
  "a misspelled option that is undefined or null, or whose right spelling is there as well, is let through",
  async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    for (const options of [{ readonly: undefined }, { agentID: null }, { readOnly: false, readonly: true }]) {
      await store.open(folder, options);
      await store.close();
    }
    t.pass();
  },
);

test.serial("an option that is none is told once for each method, and ignored", async (t) => {
  const { store, folder } = await openStore(t);
  const warnings = await warningsOf(async () => {
    for (let time = 0; time < 2; time++) {
      const other = new Store();
      await other.open(await temporaryFolder(t), { colour: "red", tenant: 5, nothing: undefined });
      await other.close();
      await store.compact({ colour: "red" });
      await Store.verify(folder, { "\u001b[31m": 1 });
    }
  });
  const names = warnings.map((message) => message.split(", and ignores it. It has ")[0]);
  t.deepEqual(names.sort(), [
    'compact() has no option "colour"',
    'open() has no option "colour"',
    'open() has no option "tenant"',
    String.raw`verify() has no option "\u001b[31m"`,
  ]);
  t.true(warnings.every((message) => message.endsWith(".")));
});

test.serial("options that a method has, and those of a prototype, are told nothing of", async (t) => {
  const warnings = await warningsOf(async () => {
    const shared = Object.create({ readOnly: false, checkpointThreshold: 5 });
    const { store } = await openStore(t, Object.assign(shared, { version: 1 }));
    await store.compact({ onProgress() {} });
    await store.archive(() => false, undefined, { onProgress: undefined });
    await store.backup(await temporaryFolder(t), { sealedLogs: true, signal: undefined });
    for await (const _ of store.getWalOps("", { signal: new AbortController().signal }));
    await new FsBackend().initialize(await temporaryFolder(t), { readOnly: true, other: 1 });
  });
  t.deepEqual(warnings, []);
});

everywhere("open() with thousands of options that are none warns of some", async (t) => {
  const program = `
    const { Store } = await import(process.argv[1]);
    let warnings = 0;
    process.on("warning", () => warnings++);
    const store = new Store();
    await store.open(process.argv[2], Object.fromEntries(Array.from({ length: 5000 }, (_, n) => ["own" + n, n])));
    await store.close();
    setImmediate(() => process.stdout.write(String(warnings)));`;
  const index = new URL("../../index.mjs", import.meta.url).href;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--no-warnings",
    "--input-type=module",
    "-e",
    program,
    index,
    await temporaryFolder(t),
  ]);
  t.is(stdout, "100");
});

test("StoreOptions has the options that open() has", async (t) => {
  const declarations = await readFile(new URL("../../index.d.ts", import.meta.url), "utf8");
  const [, body] = /interface StoreOptions[^{]*\{\n([^]*?)\n\}/.exec(declarations);
  const declared = [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name);
  t.true(declared.length > 10);
  const known = await warningsOf(() =>
    t.throwsAsync(
      new Store().open(pathToFileURL("/no-such-folder"), { "no such option": 1, readOnly: true }),
    ),
  );
  const listed = known[0].match(/It has (.*)\.$/)[1].split(", ");
  t.deepEqual(listed.sort(), declared.sort());
});
