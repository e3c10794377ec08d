import { execFile } from "node:child_process";
import { promisify } from "node:util";
import test from "ava";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const run = promisify(execFile);
const index = new URL("../../index.mjs", import.meta.url).href;
const CHARACTERS = 100_000_000;
/** The value and its text, in V8 and natively, and the line in which it stands: some copies at a time, not one for each step. */
const LIMIT_BYTES = 1e9;

const program = `
  import { Store } from ${JSON.stringify(index)};
  const options = { checkpointThreshold: Infinity, checkpointOnClose: false };
  const folder = process.argv[1];
  const text = "x".repeat(${CHARACTERS - 1}) + "y";
  const isWhole = (record) => record.text.length === text.length && record.text === text;
  const store = new Store();
  // What V8 could let go of would count as well, as much as happens to be left.
  const check = (what, holds) => {
    gc();
    if (!holds) throw new Error(what);
  };
  await store.open(folder, options);
  await store.set("small", { n: 1 });
  await store.set("big", { n: 1, text });
  check("get", isWhole(store.get("big")) && store.get("small").n === 1);
  await store.set("big", { n: 2, text });
  await store.set("big", { n: 3 });
  check("update", store.get("big").n === 3 && store.get("big").text === undefined);
  check("undo", await store.undo());
  check("undo brings it back", isWhole(store.get("big")) && store.get("big").n === 2);
  await store.close();
  await store.open(folder, options);
  check("reopen", isWhole(store.get("big")) && store.get("big").n === 2);
  await store.compact();
  check("compact", isWhole(store.get("big")));
  await store.close();
  await store.open(folder, options);
  check("reopen with a snapshot", isWhole(store.get("big")) && store.get("small").n === 1);
  check("archive", (await store.archive((_, id) => id === "big", "one")) === 1 && !store.has("big"));
  check("loadArchive", isWhole((await store.loadArchive("one")).get("big")));
  await store.close();
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  check("what is left", JSON.stringify(reader.entries()) === '[["small",{"n":1}]]');
  await reader.close();
  console.log(process.resourceUsage().maxRSS * 1024);`;

test("a value of 100 MB comes back from the log, an undo, a snapshot and an archive, and memory holds a few copies of it", async (t) => {
  t.timeout(300_000);
  const folder = await temporaryFolder(t);
  const { stdout } = await run(process.execPath, [
    "--expose-gc",
    "--input-type=module",
    "-e",
    program,
    folder,
  ]);
  t.log(`${Math.round(Number(stdout) / 1e6)} MB at most`);
  t.true(Number(stdout) < LIMIT_BYTES, stdout);
});

const huge = `
  import { Store } from ${JSON.stringify(index)};
  const options = { checkpointThreshold: Infinity, checkpointOnClose: false };
  const folder = process.argv[1];
  const text = "x".repeat(270_000_000);
  const check = (what, holds) => {
    if (!holds) throw new Error(what);
  };
  const isBig = ({ id, prev, data }, before, after) =>
    id === "big" && prev?.n === before && data.n === after && data.text.length === text.length;
  const store = new Store();
  await store.open(folder, options);
  await store.set("big", { n: 1, text });
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  await store.set("before", { n: 1 });
  await store.set("big", { n: 2, text: "y".repeat(text.length) });
  await store.set("behind", { n: 1 });
  check("getOps", isBig(store.getOps()[2], 1, 2) && store.getOps().length === 4);
  await store.close();
  const told = await reader.tail();
  check("tail", told.map(({ id }) => id).join() === "before,big,behind" && isBig(told[1], 1, 2));
  check("tail tells once", (await reader.tail()).length === 0);
  const ids = [];
  for await (const operation of reader.getWalOps()) ids.push(operation.id);
  check("getWalOps", ids.join() === "big,before,big,behind");
  await reader.close();`;

test("an operation whose line is longer than V8's longest string is told by getOps(), tail() and getWalOps()", async (t) => {
  t.timeout(300_000);
  const folder = await temporaryFolder(t);
  await t.notThrowsAsync(run(process.execPath, ["--input-type=module", "-e", huge, folder]));
});
