import { execFile, spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const program = fileURLToPath(new URL("../helpers/panicking-calls.mjs", import.meta.url));
const unseenProgram = fileURLToPath(new URL("../helpers/unseen-panics.mjs", import.meta.url));
const index = new URL("../../index.mjs", import.meta.url).href;

/** Builds an addon whose calls panic when they are asked to. */
function buildPanicking(folder) {
  const args = ["build", "--lib", "--features", "inject-panics", "--message-format=json-render-diagnostics"];
  const { status, stdout, stderr } = spawnSync("cargo", args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(stderr);
  const artifacts = stdout.split("\n").filter((line) => line.includes('"compiler-artifact"'));
  const files = artifacts
    .map((line) => JSON.parse(line))
    .filter(({ target }) => target.kind.includes("cdylib"));
  const library = files.at(-1).filenames.find((file) => /\.(so|dylib|dll)$/.test(file));
  const addon = join(folder, "panicking.node");
  copyFileSync(library, addon);
  return addon;
}

test("a panic in any call of the addon, before, after or while its result is made, is an error, and the store fails or goes on", async (t) => {
  t.timeout(600_000);
  const folder = await temporaryFolder(t);
  const addon = buildPanicking(folder);
  const { stdout } = await run(process.execPath, [program, addon, folder], { maxBuffer: 1 << 28 });
  const lines = stdout.trim().split("\n");
  t.is(lines.pop(), "done");
  const cases = lines.map((line) => JSON.parse(line));
  const isTask = new Set(
    cases.filter(({ place, code }) => place === "finish" && code !== null).map(({ name }) => name),
  );
  t.true(cases.length > 180 && isTask.size > 15, `${cases.length} cases, ${isTask.size} tasks`);
  for (const { name, place, normal, code, count, write, before, after } of cases) {
    const about = `${place} ${name}`;
    t.truthy(normal, `${name} is missing in helpers/native-calls.mjs`);
    t.is(normal.code, null, `${name} fails when nothing panics`);
    const isSilent = name === "flushAll" || (place === "finish" && !isTask.has(name));
    t.is(code, isSilent ? null : "OPSLOG_INTERNAL", about);
    t.is(typeof count, "number", about);
    if (name !== "NativeStore.close") t.true([null, "OPSLOG_FAILED"].includes(write), `${about}: ${write}`);
    t.true([before, normal.after].includes(after), `${about}: ${after}`);
  }

  // What no call of JS stands for: the thread that syncs, its call into JS, and finalizers.
  const unseen = await run(process.execPath, [unseenProgram, folder], {
    env: { ...process.env, OPSLOG_NATIVE_PATH: addon },
    timeout: 120_000,
  });
  const results = unseen.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  t.is(results.pop(), "done");
  t.deepEqual(results.pop(), { name: "finalize", found: [["a", { n: 1 }]] });
  t.is(results.length, 4);
  for (const { place, name, code, second, found } of results) {
    // A report that was not made is a failure to those who wait; one that is made again is none.
    t.is(code, name === "Syncs::start" ? "OPSLOG_INTERNAL" : null, `${place} ${name}`);
    t.is(second, null, `${place} ${name}`);
    t.deepEqual(found, ["first", "second"], `${place} ${name}`);
  }
  const finalized = ["NativeStore", "NativeProgress", "NativeWalCursor"].map((name) => `${name}>::finalize`);
  for (const name of ["Syncs::wake", "Syncs::start", ...finalized])
    t.true(unseen.stderr.includes(`${name} was asked to`), name);

  // As a user meets it.
  const source = `
    import { Store } from ${JSON.stringify(index)};
    const store = new Store();
    await store.open(process.argv[1], { checkpointOnClose: false });
    await store.set("a", { n: 1 });
    const codes = [];
    const calls = { "hot::set": () => store.set("a", { n: 2 }), "::commit_batch": () => store.batch(() => store.set("b", {})),
      "::undo": () => store.undo(), "::run_checkpoint": () => store.compact(), "::follow": () => store.tail() };
    for (const [name, call] of Object.entries(calls)) {
      process.env.INJECT_PANIC = "before:" + name;
      codes.push(await call().then(() => null, ({ code, message }) => message.startsWith("Internal error in opslog") && code));
      delete process.env.INJECT_PANIC;
      await call();
    }
    await store.close();
    await store.open(process.argv[1]);
    console.log(JSON.stringify(codes));`;
  const env = { ...process.env, OPSLOG_NATIVE_PATH: addon };
  const user = await run(process.execPath, ["--input-type=module", "-e", source, join(folder, "user")], {
    env,
  });
  t.deepEqual(JSON.parse(user.stdout), Array(5).fill("OPSLOG_INTERNAL"));
});
