/** `opslog ui`: what it prints, how it ends, and that it keeps no other process out. */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { buildPage } from "../../scripts/ui/build.mjs";
import { cli, startCli } from "../helpers/cli.mjs";
import { contents, temporaryFolder } from "../helpers/store-folder.mjs";
import { called, listened } from "../helpers/ui.mjs";

test.before(() => buildPage());

async function example(t) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.set("a", { n: 1 });
  await store.close();
  return folder;
}

/** Starts the command and waits for the address that it prints. */
async function started(t, args) {
  const child = startCli(t, ["ui", ...args]);
  child.stdout.setEncoding("utf8");
  let text = "";
  while (!text.includes("\n")) text += (await once(child.stdout, "data"))[0];
  const address = args.includes("--json") ? JSON.parse(text).address : text.trim();
  const { origin, pathname, host } = new URL(address);
  return { child, address, origin, host, base: pathname };
}

test("opslog ui, prints an address, answers, and ends with Ctrl-C, having written nothing", async (t) => {
  const folder = await example(t);
  const before = await contents(folder);
  for (const [args, signal] of [
    [[folder], "SIGINT"],
    [[folder, "--json"], "SIGTERM"],
  ]) {
    const ui = await started(t, args);
    t.regex(ui.address, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/);
    const { records, write } = await called(ui, "overview");
    t.deepEqual({ records, write }, { records: 1, write: false });
    // A page that listens does not keep the program from ending.
    await listened(t, ui)("state");
    const ended = once(ui.child, "exit");
    ui.child.kill(signal);
    t.deepEqual(await ended, [0, null]);
  }
  t.deepEqual(await contents(folder), before);
});

test("opslog ui, beside a writer that is opened, writes, checkpoints and prunes, keeps nothing back", async (t) => {
  const folder = await example(t);
  const ui = await started(t, [folder]);
  const next = listened(t, ui);
  const store = new Store();
  await store.open(folder);
  for (let n = 0; n < 5; n++) {
    await store.set("a", { n });
    await store.compact();
  }
  await store.set("b", { n: 9 });
  await next("changes", ({ operations }) => operations.some(({ id }) => id === "b"));
  t.is((await called(ui, "overview")).records, 2);
  t.true((await store.prune()).files > 0);
  t.is((await called(ui, "record", { id: "b" })).json, '{"n":9}');
  await store.close();
});

test("opslog ui, the writer is killed and another one comes, follows both", async (t) => {
  const folder = await example(t);
  const ui = await started(t, [folder]);
  const next = listened(t, ui);
  const program = `import { Store } from ${JSON.stringify(new URL("../../index.mjs", import.meta.url).href)};
    const store = new Store(); await store.open(${JSON.stringify(folder)});
    await store.set("from-killed", { n: 1 }); process.kill(process.pid, "SIGKILL");`;
  const { spawn } = await import("node:child_process");
  await once(spawn(process.execPath, ["--input-type=module", "-e", program]), "exit");
  await next("changes", ({ operations }) => operations.some(({ id }) => id === "from-killed"));
  const store = new Store();
  await store.open(folder);
  await store.set("from-next", { n: 2 });
  await next("changes", ({ operations }) => operations.some(({ id }) => id === "from-next"));
  await store.undo();
  await next("changes", ({ operations }) => operations.some(({ kind }) => kind === "undone"));
  await store.close();
  t.is((await called(ui, "overview")).records, 2);
});

test("opslog ui, records are archived and migrated by another process, which is no operation, shows what there is then", async (t) => {
  const folder = await example(t);
  const ui = await started(t, [folder]);
  const next = listened(t, ui);
  await next("state");
  const store = new Store();
  await store.open(folder, { version: 2, migrate: (record) => ({ ...record, isMigrated: true }) });
  await next("changes");
  t.is((await called(ui, "record", { id: "a" })).json, '{"n":1,"isMigrated":true}');
  await store.archive(() => true);
  await store.close();
  await next("changes", ({ records }) => records === 0);
  t.is((await called(ui, "page", { fresh: true })).total, 0);
});

test("opslog ui, the folder is deleted and comes back, says so and shows it again", async (t) => {
  const folder = await example(t);
  const copy = join(await temporaryFolder(t), "copy");
  const store = new Store();
  await store.open(folder, { readOnly: true });
  await store.backup(copy);
  await store.close();
  const ui = await started(t, [copy]);
  const next = listened(t, ui);
  await next("state", ({ failure }) => failure === null);
  await rm(copy, { recursive: true });
  await next("state", ({ failure }) => failure !== null);
  t.like(await t.throwsAsync(called(ui, "page")), { status: 422 });
  const again = new Store();
  await again.open(folder, { readOnly: true });
  await again.backup(copy);
  await again.close();
  await next("state", ({ failure, records }) => failure === null && records === 1);
  t.is((await called(ui, "page")).total, 1);
});

test("opslog ui, where no store is, a wrong port, or one that is taken, says so and creates nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const nowhere = await cli(t, ["ui", join(folder, "nowhere")]);
  t.is(nowhere.status, 1);
  t.regex(nowhere.stderr, /There is no store in .*nowhere/);
  t.deepEqual(await contents(folder), {});
  const store = await example(t);
  for (const port of ["-1", "65536", "x", "80.5"])
    t.is((await cli(t, ["ui", store, `--port=${port}`])).status, 2, port);
  const ui = await started(t, [store]);
  const taken = await cli(t, ["ui", store, "--port", new URL(ui.origin).port]);
  t.is(taken.status, 1);
  t.regex(taken.stderr, /EADDRINUSE|in use/);
});

test("opslog ui --write of agents, restores as the agent that it is given, and compacts", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { agentId: "one" });
  await store.set("a", { n: 1 });
  await store.set("a", { n: 2 });
  const ui = await started(t, [folder, "--write", "--agent", "operator"]);
  const { operations } = await called(ui, "history", { id: "a" });
  t.deepEqual(await called(ui, "restore", { id: "a", position: operations[1].position }), { changed: 1 });
  await store.refresh();
  t.deepEqual(store.get("a"), { n: 1 });
  const [last] = (await called(ui, "history", { id: "a" })).operations;
  t.is(last.agent, "operator");
  t.is((await called(ui, "compact")).records, 1);
  await store.close();
});
