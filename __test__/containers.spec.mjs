// Processes in containers that share a folder: each is process 1 in its own, and a number says nothing about another.

import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../index.mjs";
import { whyNoContainers } from "./helpers/containers.mjs";
import { openInProcess, startStoreProcess } from "./helpers/processes.mjs";
import { storedEntries, temporaryFolder } from "./helpers/store-folder.mjs";

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
