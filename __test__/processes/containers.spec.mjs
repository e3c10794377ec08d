// Processes in containers that share a folder: each is process 1 in its own, and a number says nothing about another.

import { execFile } from "node:child_process";
import { access, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { Store } from "../../index.mjs";
import { inContainer, whyNoContainers } from "../helpers/containers.mjs";
import { openInProcess, startStoreProcess } from "../helpers/processes.mjs";
import { storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";
import { until } from "../helpers/until.mjs";

const why = whyNoContainers();
if (why !== null) console.warn(`NOT TESTED: nothing can run in a container here, because ${why}.`);
const on = why === null ? test.serial : test.serial.skip;
const container = true;

/** More than a process of Node's has threads, which are numbered from 1 on in a container. */
const NUMBERS = Array.from({ length: 16 }, (_, n) => String(n + 1));

on(
  "open() in a container that was restarted, .lock has a number of a thread by now, takes it over",
  async (t) => {
    const folder = await temporaryFolder(t);
    const restarted = await startStoreProcess(t, { container });
    t.is(await restarted.call("pid"), 1);
    for (const number of NUMBERS) {
      await writeFile(join(folder, ".lock"), number);
      await restarted.call("open", folder, {});
      await restarted.call("set", number, { number });
      await restarted.call("close");
    }
    t.is((await storedEntries(Store, folder)).length, NUMBERS.length);
  },
);

on(
  "compact() in a container that was restarted, .compact-lock has a number of a thread by now, takes it over",
  async (t) => {
    const folder = await temporaryFolder(t);
    const restarted = await openInProcess(t, folder, { agentId: "a" }, { container });
    for (const number of NUMBERS) {
      await restarted.call("set", number, { number });
      await writeFile(join(folder, ".compact-lock"), number);
      await restarted.call("compact");
      await t.throwsAsync(access(join(folder, ".compact-lock")), { code: "ENOENT" });
    }
    t.is((await restarted.call("stats")).opsCount, 0);
  },
);

for (const original of [true, false]) {
  const holder = original ? "0.8.1" : "this version";
  on(
    `open() in a container, ${holder} in another has the folder open, rejects until that is killed`,
    async (t) => {
      const folder = await temporaryFolder(t);
      const held = await openInProcess(t, folder, {}, { container, original });
      await held.call("set", "a", { n: 1 });
      t.is(await readFile(join(folder, ".lock"), "utf8"), "1");
      const others = [await startStoreProcess(t, { container }), await startStoreProcess(t)];
      for (const other of others) {
        const refused = await t.throwsAsync(other.call("open", folder, {}), { code: "OPSLOG_LOCKED" });
        t.regex(refused.message, /^Store is locked by process 1\. (?!.*delete)/);
        // Outside of it there is a process 1 too, which not everyone may look into.
        if (other === others[0]) t.regex(refused.message, /runs in another container/);
      }
      t.is(await readFile(join(folder, ".lock"), "utf8"), "1");
      await held.kill();
      for (const other of others) {
        await other.call("open", folder, {});
        await other.call("set", "b", { n: 2 });
        await other.call("close");
      }
      t.is((await storedEntries(Store, folder)).length, 2);
    },
  );
}

const temporaries = async (folder) => {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.endsWith(".tmp"));
};

/** Enough that writing it takes a while. */
const entries = Array.from({ length: 4000 }, (_, n) => [`r${n}`, { n, text: "x".repeat(500) }]);

for (const [kind, open] of [
  ["folder", "open"],
  ["subclass of FsBackend", "openSubclass"],
]) {
  on(`compact() of an agent, others open the ${kind} in containers meanwhile, always succeeds`, async (t) => {
    t.timeout(120_000);
    const folder = await temporaryFolder(t);
    const options = { checkpointThreshold: Infinity, checkpointOnClose: false };
    const agents = [];
    for (const agentId of ["writer", "b", "c"]) {
      // In the others' containers no process has this one's number.
      const agent = await startStoreProcess(t, { container: agentId !== "writer" });
      await agent.call(open, folder, { agentId, ...options });
      agents.push({ agentId, agent });
    }
    const [{ agent: writer }, ...others] = agents;
    await writer.call("batchSet", entries);
    let isOver = false;
    const openings = others.map(async ({ agentId, agent }) => {
      let count = 0;
      for (; !isOver; count++) {
        await agent.call("close");
        await agent.call(open, folder, { agentId, ...options });
      }
      await agent.call("close");
      return count;
    });
    for (let round = 0; round < 12; round++) {
      await writer.call("set", "round", { round });
      await t.notThrowsAsync(writer.call("compact"));
    }
    isOver = true;
    const counts = await Promise.all(openings);
    t.true(
      counts.every((count) => count > 0),
      `${counts}`,
    );
    await writer.call("close");
    t.deepEqual(await temporaries(folder), []);
  });
}

on(
  "open() of an agent in a container, others were killed in their compactions, leaves nothing of those",
  async (t) => {
    t.timeout(120_000);
    const folder = await temporaryFolder(t);
    const first = await openInProcess(t, folder, { agentId: "a" }, { container });
    await first.call("batchSet", entries);
    await first.call("compact");
    await first.call("close");
    let left = 0;
    // Most of the time goes by while the snapshot has its temporary name.
    for (let round = 0; round < 60 && left < 4; round++) {
      const killed = await openInProcess(t, folder, { agentId: "a" }, { container });
      t.deepEqual(await temporaries(folder), []);
      await killed.call("set", "round", { round });
      let isOver = false;
      const over = () => (isOver = true);
      killed.call("compact").then(over, over);
      await until(async () => isOver || (await temporaries(folder)).length > 0);
      await killed.kill();
      left += (await temporaries(folder)).length > 0 ? 1 : 0;
    }
    t.true(left > 0);
    const last = await openInProcess(t, folder, { agentId: "a" }, { container });
    t.deepEqual(await temporaries(folder), []);
    await last.call("close");
  },
);

on(
  "export --to in a container that was restarted, a killed one left its temporary file, writes its file",
  async (t) => {
    const folder = await temporaryFolder(t);
    const store = await openInProcess(t, folder);
    await store.call("set", "a", { n: 1 });
    await store.call("close");
    const file = join(folder, "records.jsonl");
    await writeFile(`${file}.1.tmp`, "half");
    const [unshare, ...options] = inContainer();
    const program = fileURLToPath(new URL("../../bin/opslog.mjs", import.meta.url));
    const run = promisify(execFile);
    await run(unshare, [...options, process.execPath, program, "export", folder, "--to", file]);
    t.deepEqual(JSON.parse(await readFile(file, "utf8")).data, { n: 1 });
    t.deepEqual(await temporaries(folder), ["records.jsonl.1.tmp"]);
  },
);
