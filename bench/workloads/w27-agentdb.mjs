import { execFile } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { installDependents } from "../../__test__/helpers/dependents.mjs";

const execute = promisify(execFile);
const program = fileURLToPath(new URL("../programs/agentdb.mjs", import.meta.url));

async function run({ store, folder, variant }) {
  const installation = (await installDependents())[store.name];
  const installed = join(installation, "agentdb-benchmark.mjs");
  await copyFile(program, installed);
  const { stdout } = await execute(process.execPath, [installed, folder, variant.name]);
  return JSON.parse(stdout);
}

const figures = {
  insertMs: "2,000 inserts, ms",
  insertManyMs: "insertMany of 5,000, ms",
  firstFindMs: "first find, ms",
  updateMs: "1,000 updates, ms",
  findMs: "find after them, ms",
  countMs: "count, ms",
  closeMs: "close, ms",
  reopenMs: "reopen, find by id, close, ms",
};
const variants = [{ name: "memory" }, { name: "disk" }];

export default {
  id: "W27",
  title: "A dependent",
  text:
    "agentdb on this package and on 0.8.1, in its two storage modes: 2,000 awaited inserts, one insertMany of 5,000, a find over the " +
    "7,000, 1,000 awaited updates by id, the find again, a count, close; then open, a find by id, close.",
  note: "agentdb keeps its own copies of records and its own indexes. What it asks of the store is walks over all records, single sets and deletes, and a checkpoint at `close()`, which syncs here and does not in 0.8.1.",
  variants,
  stores: ["ours", "original"],
  figures,
  main: "insertMs",
  run,
  targets: variants.flatMap(({ name: variant }) =>
    Object.keys(figures).map((figure) => ({ variant, figure, times: 1, than: "original" })),
  ),
};
