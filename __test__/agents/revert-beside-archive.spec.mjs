/** revert() of an agent while another one archives: an archive is no operation, and stands at no position of the history. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { openAgent } from "../helpers/agents.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const program = fileURLToPath(new URL("../helpers/archiving-agent.mjs", import.meta.url));
const pause = new Int32Array(new SharedArrayBuffer(4));

for (const [what, times] of [
  ["a record", 0],
  ["a record that was in the archive before", 1],
])
  test(`revert() brings ${what} back that another process archives while it finds what was`, async (t) => {
    t.timeout(120_000);
    const folder = await temporaryFolder(t);
    const files = await temporaryFolder(t);
    const [begin, end] = [join(files, "begin"), join(files, "end")];
    const first = await openAgent(t, folder, "first");
    for (let n = 0; n < times; n++) {
      await first.set("archived", { n });
      await first.archive((_, id) => id === "archived");
    }
    await first.set("archived", { n: 1 });
    await first.set("changed", { n: 1 });
    const { position } = first;
    await first.set("changed", { n: 2 });
    await first.close();
    let isReverting = false;
    // Called for the earlier value while revert() has found it, and has no lock yet.
    const migrate = (value) => {
      if (isReverting) {
        writeFileSync(begin, "");
        while (!existsSync(end)) Atomics.wait(pause, 0, 0, 5);
      }
      return value;
    };
    const reverting = await openAgent(t, folder, "reverting", { version: 2, migrate });
    const child = fork(program, [folder, "archived", begin, end]);
    t.teardown(() => child.kill("SIGKILL"));
    t.deepEqual(await once(child, "message"), ["open", undefined]);
    isReverting = true;
    t.is(await reverting.revert({ to: position }), 2);
    const expected = { archived: { n: 1 }, changed: { n: 1 } };
    t.deepEqual(Object.fromEntries(reverting.entries()), expected);
    t.deepEqual(Object.fromEntries((await reverting.at(position)).entries()), expected);
  });
