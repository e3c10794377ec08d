/** What a caller began to read and forgot holds no file open, and no handle that Node's collector would complain of. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const program = fileURLToPath(new URL("../helpers/forgetting-program.mjs", import.meta.url));

test("streams, backups and locks that are forgotten are closed by the collector, without a warning", async (t) => {
  const folder = await temporaryFolder(t);
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", program, folder]);
  const { before, after, warnings } = JSON.parse(stdout);
  t.deepEqual(warnings, []);
  t.true(after <= before, `${after} files are open, ${before} were`);
});
