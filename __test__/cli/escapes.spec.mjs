/** What a store, a path or an argument holds reaches no terminal as a command. */
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { cli } from "../helpers/cli.mjs";
import { activeWal, currentSnapshot, temporaryFolder } from "../helpers/store-folder.mjs";

const HOSTILE = "x\u001b]0;title\u0007\u009b2J\u202e\u2066\u200e";

/** Characters that a terminal could take for commands, and those that reorder text. */
const unsafe = /[^\P{Cc}\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

// Windows has no such names.
const withNames = process.platform === "win32" ? test.skip : test;

async function hostileFolder(t) {
  const folder = join(await temporaryFolder(t), HOSTILE);
  await mkdir(folder);
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false, agentId: undefined });
  await store.set(HOSTILE, { [HOSTILE]: HOSTILE });
  await store.compact();
  await store.set(HOSTILE, { [HOSTILE]: 5, list: [HOSTILE] });
  await store.close();
  return folder;
}

const outputs = (folder, json) =>
  [
    ["stats", folder],
    ["ls", folder],
    ["ls", folder, "--fields", HOSTILE],
    ["find", folder, `${HOSTILE}=5`],
    ["get", folder, HOSTILE],
    ["get", folder, `${HOSTILE}x`],
    ["log", folder],
    ["history", folder, HOSTILE],
    ["history", folder, `${HOSTILE}x`],
    ["diff", folder, HOSTILE, "1h"],
    ["diff", folder, HOSTILE, "2h", "1h"],
    ["at", folder, "1h", HOSTILE],
    ["verify", folder],
    ["backup", folder, `${folder}-copy`],
    ["export", folder],
    ["export", folder, "--format", "csv"],
    ["export", folder, "--to", `${folder}.jsonl`],
    ["import", `${folder}-new`, `${folder}.jsonl`],
    ["import", `${folder}-new`, `${folder}.none`],
    ["set", folder, HOSTILE, JSON.stringify({ [HOSTILE]: 6 })],
    ["set", folder, HOSTILE, HOSTILE],
    ["undo", folder],
    ["rm", folder, `${HOSTILE}x`],
    ["compact", folder],
    ["prune", folder, "--before", HOSTILE],
    ["repair", folder],
    ["recover", folder, `${folder}-copy`],
    ["stats", `${folder}-none`],
    ["log", folder, "--limit", HOSTILE],
    ["ls", folder, `--${HOSTILE}`],
    [HOSTILE, folder],
    ["completion", HOSTILE],
    ["ls", folder, "--where", `{${HOSTILE}`],
  ].map((args) => (json ? [...args, "--json"] : args));

for (const json of [false, true])
  withNames(
    `no output${json ? " with --json" : ""}, error or warning has control characters or such that reorder text`,
    async (t) => {
      const folder = await hostileFolder(t);
      for (const args of outputs(folder, json)) {
        const { stdout, stderr } = await cli(t, args);
        t.notRegex(stdout, unsafe, args[0]);
        t.notRegex(stderr, unsafe, args[0]);
      }
    },
  );

withNames(
  "a warning of the package that has a path in it, is safe to show, and JSON with --json",
  async (t) => {
    const folder = await hostileFolder(t);
    const wal = await activeWal(folder);
    await appendFile(wal, "no operation\n");
    await appendFile(wal, '{"ts":"2026-01-31T00:00:00.000Z","op":"set","id":"b","prev":null,"data":1}\n');
    for (const args of [
      ["ls", folder],
      ["compact", folder],
    ]) {
      const { stderr } = await cli(t, args);
      t.notRegex(stderr, unsafe);
    }
    const { stderr } = await cli(t, ["stats", folder, "--json"]);
    for (const line of stderr.split("\n").filter(Boolean)) t.notThrows(() => JSON.parse(line));
  },
);

withNames("damage in a folder with a strange name, is told safely", async (t) => {
  const folder = await hostileFolder(t);
  await writeFile(await currentSnapshot(folder), "{}\n");
  for (const args of outputs(folder, false)) {
    const { stdout, stderr } = await cli(t, args);
    t.notRegex(stdout + stderr, unsafe, args[0]);
  }
});

test("an error, tells a path once", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false });
  await store.set("a", { n: 1 });
  await store.compact();
  await store.close();
  const snapshot = await currentSnapshot(folder);
  const occurrences = (text, part) => text.split(part).length - 1;
  await writeFile(snapshot, "{}\n");
  for (const name of ["ls", "stats", "export", "compact"]) {
    const { stderr } = await cli(t, [name, folder]);
    t.is(occurrences(stderr, snapshot), 1, stderr);
    t.regex(stderr, /^opslog: The store is damaged: /);
  }
  const history = await cli(t, ["history", folder, "a"]);
  t.is(occurrences(history.stderr, snapshot), 1, history.stderr);
  await writeFile(join(folder, "manifest.json"), "{");
  for (const name of ["ls", "stats", "compact"]) {
    const { stderr } = await cli(t, [name, folder]);
    t.is(occurrences(stderr, join(folder, "manifest.json")), 1, stderr);
  }
  for (const args of [
    ["stats", join(folder, "none")],
    ["import", join(folder, "new"), join(folder, "none")],
    ["export", folder, "--to", join(folder, "none", "file")],
    ["verify", join(folder, "manifest.json")],
  ]) {
    const { stderr } = await cli(t, args);
    t.true(occurrences(stderr, `${folder}/none`) <= 1, stderr);
  }
});
