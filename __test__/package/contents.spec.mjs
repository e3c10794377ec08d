import { execFile, spawnSync } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import libc from "../../lib/native/libc.js";
import { platformPackage, platforms } from "../../scripts/platform-packages.mjs";
import { original } from "../helpers/original.mjs";

const { isMuslByLoader, isMuslByReport } = libc;
const run = promisify(execFile);
const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));
const readJson = async (name) => JSON.parse(await readFile(path.join(root, name), "utf8"));

/** Runs a script in a Node of its own, without any addon to be found, and returns what it prints. */
async function withoutAddon(script) {
  const env = { ...process.env, OPSLOG_NATIVE_PATH: path.join(root, "no", "such.node") };
  const hide = `const Module = require("node:module");
    const load = Module._load;
    Module._load = function (request, ...rest) {
      if (/native.opslog|opslog-(linux|darwin|win32)/.test(request)) {
        throw Object.assign(new Error("Cannot find module " + request), { code: "MODULE_NOT_FOUND" });
      }
      return load.call(this, request, ...rest);
    };`;
  const { stdout } = await run(process.execPath, ["-e", `${hide}\n${script}`], { cwd: root, env });
  return stdout.trim();
}

test("the exports, by import and by require, are those of 0.8.1 and the same objects", async (t) => {
  const imported = await import("@backloghq/opslog");
  const required = require("@backloghq/opslog");
  t.deepEqual(Object.keys(imported).sort(), Object.keys(original).sort());
  t.deepEqual(Object.keys(required).sort(), Object.keys(original).sort());
  for (const name of Object.keys(required)) t.is(imported[name], required[name]);
});

test("the classes, have the methods of 0.8.1", async (t) => {
  const ours = await import("@backloghq/opslog");
  // What 0.8.1 declares as private in its types is no method of the package.
  const declared = async (file) => {
    const folder = path.dirname(require.resolve("opslog-reference"));
    const text = await readFile(path.join(folder, file), "utf8");
    return new Set([...text.matchAll(/^ {4}(?:get )?(\w+)\(/gm)].map((match) => match[1]));
  };
  for (const [name, file] of [
    ["Store", "store.d.ts"],
    ["FsBackend", "backend.d.ts"],
    ["LamportClock", "clock.d.ts"],
  ]) {
    const methods = await declared(file);
    t.true(methods.size > 2);
    for (const method of methods) t.true(method in ours[name].prototype, `${name}.${method}`);
  }
});

test("the package, required and a store in a folder opened, loads nothing that only backends need", async (t) => {
  const script = `const { Store } = require("@backloghq/opslog");
    const folder = require("node:fs").mkdtempSync(require("node:path").join(require("node:os").tmpdir(), "opslog-"));
    (async () => {
      const store = new Store();
      await store.open(folder);
      await store.set("a", 1);
      await store.close();
      console.log(JSON.stringify({ files: Object.keys(require.cache), modules: process.moduleLoadList }));
      require("node:fs").rmSync(folder, { recursive: true });
    })();`;
  const { stdout } = await run(process.execPath, ["-e", script], { cwd: root });
  const { files, modules } = JSON.parse(stdout);
  const names = files.map((file) => path.relative(path.join(root, "lib"), file));
  t.true(names.includes(path.join("folder", "driver.js")));
  t.deepEqual(
    names.filter((name) => path.dirname(name) === "backend"),
    [],
  );
  // What streams a snapshot is an export of its own, and must not be loaded later.
  const wanted = ["notices.js", "backend.js", "calls.js", "snapshot-reader.js", "usage.js"];
  const loaded = names.filter((name) => path.dirname(name) === "fs").map((name) => path.basename(name));
  t.deepEqual(
    loaded.filter((name) => !wanted.includes(name)),
    [],
  );
  t.false(modules.includes("NativeModule crypto"));
});

test("the C library, told by Node's executable, is the one that its report tells", (t) => {
  const byLoader = isMuslByLoader();
  if (process.platform === "linux") t.is(byLoader ?? isMuslByReport(), isMuslByReport());
  else t.is(byLoader, undefined);
});

test("the package, without an addon, can be imported and used as far as it needs none", async (t) => {
  const script = `const { FsBackend, LamportClock, Store } = require("@backloghq/opslog");
    new FsBackend(); new Store(); console.log(new LamportClock().tick());`;
  t.is(await withoutAddon(script), "1");
});

test("open(), without an addon, rejects with what was tried and why", async (t) => {
  const script = `const { Store } = require("@backloghq/opslog");
    new Store().open("nowhere").catch(({ code, message, tried }) =>
      console.log(JSON.stringify({ code, message, tried })));`;
  const { code, message, tried } = JSON.parse(await withoutAddon(script));
  t.is(code, "OPSLOG_NATIVE_UNAVAILABLE");
  t.is(tried.length, 3);
  for (const attempt of tried) {
    t.true(message.includes(attempt.path));
    t.true(message.includes(attempt.reason));
  }
  t.regex(message, /Install @backloghq\/opslog-\w+-.*`npm run build`.*OPSLOG_NATIVE_PATH/);
  t.false((await readdir(root)).includes("nowhere"));
});

test("an FsBackend, without an addon, reads and writes blobs, and says of the rest what is missing", async (t) => {
  const script = `const { FsBackend } = require("@backloghq/opslog");
    const { mkdtempSync, rmSync } = require("node:fs");
    const folder = mkdtempSync(require("node:path").join(require("node:os").tmpdir(), "opslog-"));
    (async () => {
      const backend = new FsBackend();
      await backend.initialize(folder, { readOnly: true });
      await backend.writeBlob("a/b", "text");
      const codes = [];
      for (const call of [
        () => backend.initialize(folder, { readOnly: false }),
        () => backend.readOps("ops/ops-1.jsonl"),
        () => backend.appendOps("ops/ops-1.jsonl", [{}]),
        () => backend.writeSnapshot(new Map(), 1),
        () => backend.loadSnapshot("snapshots/snap-1.jsonl"),
        () => backend.loadArchiveSegment("archive/archive-1.json"),
      ]) {
        await call().catch(({ code }) => codes.push(code));
      }
      console.log(JSON.stringify([String(await backend.readBlob("a/b")), await backend.readManifest(), codes]));
      rmSync(folder, { recursive: true });
    })();`;
  t.deepEqual(JSON.parse(await withoutAddon(script)), [
    "text",
    null,
    Array.from({ length: 6 }, () => "OPSLOG_NATIVE_UNAVAILABLE"),
  ]);
});

test("acquireLock(), without an addon, rejects with OPSLOG_NATIVE_UNAVAILABLE", async (t) => {
  const script = `const { acquireLock } = require("@backloghq/opslog");
    acquireLock(".").catch(({ code }) => console.log(code));`;
  t.is(await withoutAddon(script), "OPSLOG_NATIVE_UNAVAILABLE");
});

test("the package, loaded, starts no process and prints nothing", (t) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", 'require("@backloghq/opslog")'], {
    cwd: root,
    encoding: "utf8",
  });
  t.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
});

test("package.json, runs nothing at installation and satisfies ^0.8.1", async (t) => {
  const { scripts, version, dependencies = {} } = await readJson("package.json");
  for (const name of ["preinstall", "install", "postinstall", "prepare"]) t.false(name in scripts, name);
  t.regex(version, /^0\.8\.[1-9]\d*$/);
  t.deepEqual(dependencies, {});
});

test("package.json, package-lock.json and Cargo.toml, have one version", async (t) => {
  const { version } = await readJson("package.json");
  t.is((await readJson("package-lock.json")).version, version);
  t.regex(await readFile(path.join(root, "Cargo.toml"), "utf8"), new RegExp(`^version = "${version}"$`, "m"));
});

test("package-lock.json, names no host", async (t) => {
  const { packages } = await readJson("package-lock.json");
  const resolved = Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined);
  t.deepEqual(resolved, []);
});

test("the platform packages, are what scripts/platform-packages.mjs writes", async (t) => {
  const folders = (await readdir(path.join(root, "npm"), { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  t.deepEqual(folders.sort(), Object.keys(platforms).sort());
  for (const triple of folders)
    t.deepEqual(await readJson(`npm/${triple}/package.json`), platformPackage(triple));
});

test("the package, packed, holds the library, its types and no sources or tests", async (t) => {
  const npm = process.env.npm_execpath?.endsWith(".js")
    ? [process.execPath, process.env.npm_execpath]
    : [process.platform === "win32" ? "npm.cmd" : "npm"];
  const [program, ...args] = [...npm, "pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = await run(program, args, { cwd: root, shell: program.endsWith(".cmd") });
  const [{ files }] = JSON.parse(stdout);
  const names = files.map((file) => file.path);
  for (const name of [
    "index.js",
    "index.mjs",
    "index.d.ts",
    "index.d.mts",
    "s3.js",
    "s3.mjs",
    "s3.d.ts",
    "s3.d.mts",
    "lib/s3/backend.js",
    "lib/store.js",
    "bin/opslog.mjs",
    "cli/main.mjs",
    "cli/commands/verify.mjs",
    "package.json",
    "LICENSE",
  ]) {
    t.true(names.includes(name), name);
  }
  t.deepEqual(
    names.filter((name) => /^(src|scripts|__test__|tests|npm|docs|target|\.ci)\//.test(name)),
    [],
  );
});
