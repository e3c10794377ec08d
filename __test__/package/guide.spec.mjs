/**
 * The guide as a user follows it: the program of a page is run in a folder of its own, then the commands of the page in the same
 * folder. The programs alone are run by readme.spec.mjs, those on S3 by s3/example.spec.mjs.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import {
  blocks,
  documentNames,
  promised,
  readDocument,
  root,
  userFolder,
  withoutTypes,
} from "../helpers/documents.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const { platformTriple } = createRequire(import.meta.url)("../../lib/native/index.js");
const isWindows = process.platform === "win32";
const onUnix = isWindows ? test.skip : test;
const isLinux64 = platformTriple() === "linux-x64-gnu";

/** Runs a program to its end. */
async function run(program, args, { input, ...options }) {
  const child = spawn(program, args, options);
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8");
    child[name].on("data", (text) => (printed[name] += text));
  }
  child.stdin.end(input);
  const [status] = await once(child, "close");
  return { status, ...printed };
}

/** A user's folder in which `npx opslog` and `npx esbuild` find their programs, and the package its binary. */
async function installedFolder(t) {
  const folder = await userFolder(t);
  const bin = join(folder, "node_modules", ".bin");
  await mkdir(bin);
  await symlink(join(root, "bin", "opslog.mjs"), join(bin, "opslog"));
  await symlink(join(root, "node_modules", "esbuild"), join(folder, "node_modules", "esbuild"));
  await symlink(join(root, "node_modules", "esbuild", "bin", "esbuild"), join(bin, "esbuild"));
  const platform = join(folder, "node_modules", "@backloghq", `opslog-${platformTriple()}`);
  await mkdir(platform);
  const binary = `opslog.${platformTriple()}.node`;
  await copyFile(process.env.OPSLOG_NATIVE_PATH ?? join(root, "native", binary), join(platform, binary));
  return folder;
}

/** Runs lines as they stand in a document, in a shell that ends at the first one that fails. */
async function shell(t, folder, text) {
  const env = { ...process.env, npm_config_offline: "true", npm_config_update_notifier: "false" };
  const done = await run("sh", ["-e", "-c", text], { cwd: folder, env });
  t.is(done.status, 0, `${text}\n${done.stdout}${done.stderr}`);
  return done;
}

/** Commands in the text of a page: those that go on until Ctrl-C, and those within a container, are tried elsewhere. */
const inlineCommands = (text) =>
  [...text.matchAll(/`(npx opslog [^`]+)`/g)]
    .map(([, command]) => command)
    .filter((command) => !/--follow|opslog ui/.test(command));

const guide = (await documentNames()).filter(
  (name) => name.startsWith("docs/guide/") && !name.endsWith("README.md"),
);

const quickStart = blocks(await readDocument("README.md"), "ts")[0];
const others = ["README.md", "docs/command-line.md", "docs/retention.md"];
const texts = await Promise.all(others.map(async (name) => [name, await readDocument(name)]));
const pages = await Promise.all(guide.map(async (name) => [name, await readDocument(name)]));

for (const [name, text] of pages) {
  const [program] = blocks(text, "ts");
  const lines = [...blocks(text, "sh"), ...inlineCommands(text)];
  if (program === undefined || lines.length === 0 || name.endsWith("bundle.md")) continue;
  onUnix(`${name}, its program and then its commands, run in one folder, all succeed`, async (t) => {
    t.timeout(180_000);
    const folder = await installedFolder(t);
    await writeFile(join(folder, "main.mjs"), withoutTypes(program));
    await shell(t, folder, "node main.mjs");
    for (const line of lines) await shell(t, folder, line);
  });
}

(isLinux64 ? test : test.skip)(
  "docs/guide/bundle.md, its lines, run with its program, make a bundle that runs elsewhere",
  async (t) => {
    t.timeout(180_000);
    const text = await readDocument("docs/guide/bundle.md");
    const [program] = blocks(text, "ts");
    const [build] = blocks(text, "sh");
    const folder = await installedFolder(t);
    await writeFile(join(folder, "main.mjs"), withoutTypes(program));
    await shell(t, folder, build);
    const elsewhere = await userFolder(t);
    await mkdir(join(elsewhere, "app"));
    for (const file of await readdir(join(folder, "dist")))
      await copyFile(join(folder, "dist", file), join(elsewhere, "app", file));
    const env = { ...process.env };
    delete env.OPSLOG_NATIVE_PATH;
    const [bundle] = (await readdir(join(folder, "dist"))).filter((file) => /\.m?js$/.test(file));
    const { status, stdout, stderr } = await run(process.execPath, [bundle], {
      cwd: join(elsewhere, "app"),
      env,
    });
    t.deepEqual(
      { status, stdout, stderr },
      { status: 0, stdout: `${promised(program).join("\n")}\n`, stderr: "" },
    );
    // The other way of the page: the binary is named.
    const [, named, line] = /`OPSLOG_NATIVE_PATH=(\S+) (node [^`]+)`/.exec(text);
    t.true(named.endsWith("opslog.linux-x64-gnu.node"));
    const binary = join(folder, "dist", "opslog.linux-x64-gnu.node");
    await shell(t, folder, `OPSLOG_NATIVE_PATH=${binary} ${line}`);
  },
);

for (const [name, text] of texts) {
  onUnix(`${name}, its command lines, run in the folder of the quick start, all succeed`, async (t) => {
    t.timeout(180_000);
    const folder = await installedFolder(t);
    await writeFile(join(folder, "main.mjs"), withoutTypes(quickStart));
    await shell(t, folder, "node main.mjs");
    const lines = blocks(text, "sh")
      .flatMap((block) => block.split("\n"))
      .filter((line) => line.startsWith("npx opslog "))
      .filter((line) => !/--follow|opslog (ui|completion) /.test(line));
    t.true(lines.length > 1);
    for (const line of lines) await shell(t, folder, line);
  });
}

/** The instructions of a Dockerfile, each with its words. */
const instructions = (text) =>
  text
    .trim()
    .split("\n")
    .map((line) => /^([A-Z]+) (.*)$/.exec(line).slice(1));

onUnix(
  "docs/guide/docker.md, its image, built and run as Docker would, keeps the records in the volume after SIGTERM",
  async (t) => {
    t.timeout(180_000);
    const text = await readDocument("docs/guide/docker.md");
    const steps = instructions(blocks(text, "dockerfile")[0]);
    const of = (name) => steps.filter(([instruction]) => instruction === name).map(([, words]) => words);
    // Each is known here, so that none is passed over.
    t.deepEqual([...new Set(steps.map(([name]) => name))].sort(), [
      "CMD",
      "COPY",
      "ENV",
      "FROM",
      "RUN",
      "VOLUME",
      "WORKDIR",
    ]);
    const [image] = of("FROM");
    const { engines } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    t.true(Number(/^node:(\d+)-slim$/.exec(image)[1]) >= Number(/\d+/.exec(engines.node)[0]));
    t.is(steps[0][0], "FROM");

    const [program] = blocks(text, "ts");
    // NOTE: beside the image's folder, for a lock file names other folders by relative paths.
    const machine = await temporaryFolder(t);
    const inside = (path) => join(machine, path);
    const source = inside("source");
    await mkdir(source);
    await writeFile(join(source, "main.mjs"), withoutTypes(program));
    await writeFile(
      join(source, "package.json"),
      JSON.stringify({ dependencies: { "@backloghq/opslog": `file:${root}` }, type: "module" }),
    );
    const npm = {
      ...process.env,
      npm_config_offline: "true",
      npm_config_audit: "false",
      npm_config_fund: "false",
    };
    const locked = await run("npm", ["install", "--package-lock-only"], { cwd: source, env: npm });
    t.is(locked.status, 0, locked.stderr);

    const workdir = inside(of("WORKDIR")[0]);
    await mkdir(workdir);
    for (const [name, words] of steps) {
      if (name === "COPY") {
        const [to, ...from] = words.split(" ").reverse();
        t.is(to === "." ? "./" : to, "./");
        const files = from.includes(".") ? ["main.mjs", "package.json", "package-lock.json"] : from;
        for (const file of files) await copyFile(join(source, file), join(workdir, file));
      }
      if (name === "RUN") {
        const done = await run("sh", ["-c", words], { cwd: workdir, env: npm });
        t.is(done.status, 0, `${words}\n${done.stderr}`);
      }
    }

    const [volume] = of("VOLUME");
    await mkdir(inside(volume));
    const env = Object.fromEntries(of("ENV").map((pair) => pair.split("=")));
    t.true(
      Object.values(env).some((value) => value === volume),
      "the program is told where the volume is",
    );
    for (const [key, value] of Object.entries(env)) if (value === volume) env[key] = inside(volume);
    const [command, ...args] = JSON.parse(of("CMD")[0]);
    t.is(command, "node");
    const done = await run(process.execPath, args, { cwd: workdir, env: { PATH: process.env.PATH, ...env } });
    t.deepEqual(done, { status: 0, stdout: `${promised(program).join("\n")}\n`, stderr: "" });
    const store = new Store();
    await store.open(inside(volume), { readOnly: true });
    t.true(store.count() > 0);
    await store.close();
  },
);

test("every block of the guide, is of a kind that a test runs", (t) => {
  const run = {
    ts: "readme.spec.mjs",
    sh: "this file",
    dockerfile: "this file",
    mjs: "s3/example.spec.mjs",
  };
  for (const [name, text] of pages) {
    for (const [, language] of text.matchAll(/^```(\w*)\n.*?^```$/gms))
      t.true(language in run, `${name}: ${language}`);
    t.true(blocks(text, "dockerfile").length === 0 || name.endsWith("docker.md"));
    t.true(blocks(text, "mjs").length === 0 || name.endsWith("s3.md"));
    t.true(blocks(text, "sh").length === 0 || blocks(text, "ts").length > 0, name);
  }
});
