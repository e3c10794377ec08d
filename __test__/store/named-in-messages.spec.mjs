// What errors and warnings say of files: which one it is, what to do, and no character that a terminal takes for a command.

import { appendFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { cli } from "../helpers/cli.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

class Subclass extends FsBackend {}

async function written(folder) {
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false });
  await store.set("a", { n: 1 });
  await store.close();
  return folder;
}

for (const method of ["verify", "repair"]) {
  test(`${method}(), no store is there, rejects with a sentence about the folder`, async (t) => {
    const folder = await temporaryFolder(t);
    for (const place of [folder, join(folder, "missing")]) {
      const refused = await t.throwsAsync(Store[method](place), { code: "OPSLOG_NO_STORE" });
      t.is(
        refused.message,
        `There is no store in ${place}: it has no manifest.json, and no snapshot, log or archive`,
      );
      t.is(refused.path, place);
    }
  });
}

for (const [title, content, what] of [
  ["is empty", "", "Unexpected end of JSON input"],
  ["holds white space only", " \n", "Unexpected end of JSON input"],
  ["holds NULs only", "\0\0\0", "Unexpected token"],
]) {
  test(`open(), the manifest ${title}, names it and says what to do`, async (t) => {
    const folder = await written(await temporaryFolder(t));
    const file = join(folder, "manifest.json");
    await writeFile(file, content);
    for (const options of [{}, { readOnly: true }, { agentId: "a" }, { backend: new Subclass() }]) {
      const refused = await t.throwsAsync(new Store().open(folder, options), {
        instanceOf: SyntaxError,
        code: "OPSLOG_CORRUPT",
      });
      t.true(refused.message.startsWith(what), refused.message);
      t.true(refused.message.includes(`: ${file} is empty. Put one from a backup`));
      t.is(refused.path, file);
    }
  });
}

for (const backend of [undefined, new Subclass()]) {
  const where = backend ? "through an FsBackend" : "in a folder";
  test(`loadArchive() ${where}, a period is the start of another, finds the one that is named`, async (t) => {
    const store = new Store();
    await store.open(await temporaryFolder(t), { backend });
    const periods = ["2026", "2026.json", "archive-2026.json", "12026"];
    for (const [n, period] of periods.entries()) {
      await store.set(period, { n });
      await store.archive((record) => record.n === n, period);
    }
    const found = async (segment) => [...(await store.loadArchive(segment)).keys()];
    for (const period of periods) {
      t.deepEqual(await found(period), [period]);
      t.deepEqual(await found(`archive/archive-${period}.json`), [period]);
    }
    t.deepEqual(await found("202"), ["2026"]);
    await store.close();
  });
}

const ESCAPES = "\u001b[31m\u0007\u009b2J\u007f";
const CONTROL = /(?![\t\n])\p{Cc}/u;

test("errors and warnings, the folder's name holds control characters, show none of them", async (t) => {
  if (process.platform === "win32") {
    t.pass("no name holds them there");
    return;
  }
  const folder = join(await temporaryFolder(t), `a${ESCAPES}b`);
  await mkdir(folder);
  await written(folder);
  const [log] = await readdir(join(folder, "ops"));
  await appendFile(join(folder, "ops", log), "no line\n");
  const lines = [];
  const { error } = console;
  console.error = (line) => lines.push(line);
  try {
    for (const options of [{ readOnly: true }, { backend: new Subclass() }]) {
      const store = new Store();
      await store.open(folder, options);
      await store.close();
    }
  } finally {
    console.error = error;
  }
  t.true(lines.length > 0);
  for (const line of lines) t.notRegex(line, CONTROL);
  t.true(lines.some((line) => line.includes("a\\u001b[31m\\u0007\\u009b2J\\u007fb")));
  const holder = new Store();
  await holder.open(folder);
  const locked = await t.throwsAsync(new Store().open(folder), { code: "OPSLOG_LOCKED" });
  await holder.close();
  await writeFile(join(folder, "manifest.json"), "{");
  const corrupt = await t.throwsAsync(new Store().open(folder), { code: "OPSLOG_CORRUPT" });
  t.is(corrupt.path, join(folder, "manifest.json"), "the property has the name as it is");
  const missing = await t.throwsAsync(Store.verify(join(folder, "none")), { code: "OPSLOG_NO_STORE" });
  const within = new Store().open(join(folder, "manifest.json"));
  const failed = await t.throwsAsync(within, { code: "OPSLOG_IO" });
  for (const { message } of [locked, corrupt, missing, failed]) t.notRegex(message, CONTROL);
  t.notRegex(failed.cause.message, CONTROL);
  t.true(failed.message.includes("\\u001b[31m"));
});

test("the program, names and records hold control characters, shows none of them, also as JSON", async (t) => {
  if (process.platform === "win32") {
    t.pass("no name holds them there");
    return;
  }
  const folder = join(await temporaryFolder(t), `a${ESCAPES}b`);
  await mkdir(folder);
  const store = new Store();
  await store.open(folder);
  await store.set(ESCAPES, { text: ESCAPES });
  await store.close();
  for (const json of [[], ["--json"]]) {
    for (const args of [
      ["stats"],
      ["ls"],
      ["log", "--all"],
      ["get", ESCAPES],
      ["get", `x${ESCAPES}`],
      ["verify"],
    ]) {
      const [name, ...rest] = args;
      const { stdout, stderr } = await cli(t, [name, folder, ...rest, ...json]);
      t.notRegex(stdout + stderr, CONTROL, args.join(" "));
    }
    const { stderr, status } = await cli(t, ["verify", join(folder, "none"), ...json]);
    t.is(status, 1);
    t.notRegex(stderr, CONTROL);
    if (json.length > 0) {
      const { stdout } = await cli(t, ["get", folder, ESCAPES, ...json]);
      t.deepEqual(JSON.parse(stdout), { text: ESCAPES });
    }
  }
});
