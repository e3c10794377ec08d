import { execFile } from "node:child_process";
import { mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const [major] = process.versions.node.split(".");
const FLAG = Number(major) >= 23 ? "--permission" : "--experimental-permission";
// Node knows permissions for addons from 22 on; before, they are always forbidden.
const withAddons = Number(major) >= 22 ? test : test.skip;

/** Runs a script under the permission model, and returns what it prints. */
async function restricted(t, script, flags) {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "opslog-permission-")));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const options = flags.map((flag) => flag.replace("FOLDER", folder));
  const program = `const { Store } = require(${JSON.stringify(path.join(root, "index.js"))});
    const folder = process.argv[1];
    const told = (error) => console.log(JSON.stringify([error.code, error.cause?.code, error.path, error.message]));
    (async () => { ${script} })().catch(told);`;
  const args = [FLAG, "--no-warnings", `--allow-fs-read=*`, ...options, "-e", program, folder];
  const { stdout } = await run(process.execPath, args, { cwd: root });
  return { folder, lines: stdout.trim().split("\n") };
}

test("open() under --permission without addons, rejects and says which option is missing", async (t) => {
  const { lines } = await restricted(t, "await new Store().open(folder);", ["--allow-fs-write=FOLDER"]);
  const [code, , , message] = JSON.parse(lines[0]);
  t.is(code, "OPSLOG_NATIVE_UNAVAILABLE");
  t.true(message.includes("--allow-addons"), message);
});

withAddons("open() under --permission without the right to write, rejects and writes nothing", async (t) => {
  const { folder, lines } = await restricted(t, "await new Store().open(folder);", ["--allow-addons"]);
  const [code, cause, named, message] = JSON.parse(lines[0]);
  t.deepEqual([code, cause, named], ["OPSLOG_IO", "ERR_ACCESS_DENIED", folder]);
  t.true(message.includes(`--allow-fs-write=${folder}`), message);
  t.deepEqual(await readdir(folder), []);
});

withAddons("open() under --permission with the rights that it needs, works", async (t) => {
  const script = `const store = new Store(); await store.open(folder); await store.set("a", 1); await store.close();
    await store.open(folder, { readOnly: true }); console.log(store.get("a")); await store.close();`;
  const { lines } = await restricted(t, script, ["--allow-addons", "--allow-fs-write=FOLDER/*"]);
  t.deepEqual(lines, ["1"]);
});

withAddons("backup() and repair() under --permission without the right to write, reject", async (t) => {
  const script = `const store = new Store(); await store.open(folder); await store.set("a", 1);
    await store.backup("/elsewhere").catch(told); await store.close();
    await Store.repair("/elsewhere").catch(told);`;
  const { lines } = await restricted(t, script, ["--allow-addons", "--allow-fs-write=FOLDER/*"]);
  t.is(lines.length, 2);
  for (const line of lines) t.deepEqual(JSON.parse(line).slice(0, 2), ["OPSLOG_IO", "ERR_ACCESS_DENIED"]);
});
