/** What is reported without an error: which channels there are, and what goes to the console. */
import diagnostics from "node:diagnostics_channel";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Resolves with the first message on a channel that is about a folder. */
function firstOn(t, channel, folder) {
  return new Promise((resolve) => {
    const listen = (message) => message.folder === folder && resolve(message.error);
    diagnostics.subscribe(channel, listen);
    t.teardown(() => diagnostics.unsubscribe(channel, listen));
  });
}

async function sources() {
  const texts = [];
  for (const name of await readdir(join(root, "lib"), { recursive: true })) {
    if (name.endsWith(".js")) texts.push(await readFile(join(root, "lib", name), "utf8"));
  }
  return texts.join("\n");
}

test("channels in the sources, are those in docs/errors.md, and each has a test", async (t) => {
  const named = (text) => new Set([...text.matchAll(/["'`](opslog:[a-z-]+)["'`]/g)].map(([, name]) => name));
  const made = named(await sources());
  const described = await readFile(join(root, "docs", "errors.md"), "utf8");
  t.deepEqual([...named(described)].sort(), [...made].sort());
  t.is(made.size, 6);
  const tested = new Set();
  for (const name of await readdir(join(root, "__test__"), { recursive: true })) {
    if (!name.endsWith(".spec.mjs")) continue;
    for (const channel of named(await readFile(join(root, "__test__", name), "utf8"))) tested.add(channel);
  }
  t.deepEqual(
    [...made].filter((name) => !tested.has(name)),
    [],
  );
});

test("the sources, print nothing but the two lines of 0.8.1, one about missing logs, and warnings of unknown options and of listeners, on stderr", async (t) => {
  const text = (await sources()).replaceAll(/^\s*\/\/.*$/gm, "");
  const printed = text.match(/(?:console\.|process\.std|emitWarning)[^;]*;/g);
  t.deepEqual(printed.sort(), [
    "console.error(printable(line));",
    'emitWarning(Object.assign(warning, { name: "Warning", code }));',
    'emitWarning(printable(message), { code: "OPSLOG_UNKNOWN_OPTION" });',
  ]);
  const warnings = text.match(/(?<!function )\bwarn\([^;]*;/g);
  t.true(warnings.length >= 2);
  for (const call of warnings)
    t.regex(
      call,
      /^warn\((?:name, names, method\)|messages\.(?:skippedLines|writeModeIgnored|missingLog)\()/,
    );
});

test("watch(), its callback throws, tells a channel and goes on looking", async (t) => {
  const folder = await temporaryFolder(t);
  const [writer, reader] = [new Store(), new Store()];
  await writer.open(folder);
  await reader.open(folder, { readOnly: true });
  const failed = firstOn(t, "opslog:watch-failed", folder);
  const seen = [];
  const sawSecond = new Promise((resolve) => {
    reader.watch((operations) => {
      seen.push(...operations.map(({ id }) => id));
      if (seen.length === 1) throw new Error("the first is too much");
      resolve();
    }, 1);
  });
  await writer.set("first", { n: 1 });
  t.is((await failed).message, "the first is too much");
  await writer.set("second", { n: 2 });
  await sawSecond;
  t.deepEqual(seen, ["first", "second"]);
  await reader.close();
  await writer.close();
});

test("a checkpoint through a backend that a threshold started, fails, tells a channel and fails no call", async (t) => {
  const folder = await temporaryFolder(t);
  class Full extends FsBackend {
    isFull = false;
    async writeSnapshot(...args) {
      if (this.isFull) throw new Error("no room for a snapshot");
      return super.writeSnapshot(...args);
    }
  }
  const backend = new Full();
  const store = new Store();
  await store.open(folder, { backend, checkpointThreshold: 2 });
  const failed = firstOn(t, "opslog:checkpoint-failed", folder);
  backend.isFull = true;
  await store.set("a", { n: 1 });
  await store.set("b", { n: 2 });
  t.is((await failed).message, "no room for a snapshot");
  backend.isFull = false;
  await store.close();
});
