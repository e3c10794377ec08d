/** Agents of one process that wait for the folder's lock, more than Node has threads for files: what else needs such a thread gets one. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import test from "ava";
import { openAgent, recordsIn } from "../helpers/agents.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const program = fileURLToPath(new URL("../helpers/long-transaction.mjs", import.meta.url));
const AGENTS = 8;

const openAgents = (t, folder) =>
  Promise.all(Array.from({ length: AGENTS }, (_, n) => openAgent(t, folder, `agent-${n}`)));

/** What agents call that has to wait for the lock. Each has written a record of its own before. */
const waiting = {
  "set()": (agent, id) => agent.set(id, { n: 1 }),
  "delete()": (agent, id) => agent.delete(id),
  "batch()": (agent, id) => agent.batch((batch) => batch.set(id, { n: 1 })),
  "transaction()": (agent, id) => agent.transaction((tx) => tx.set(id, { n: 1 })),
  "undo()": (agent) => agent.undo(),
  "undo() of a batch": (agent) => agent.undo({ batch: true }),
  "revert()": (agent, id) => agent.revert({ to: agent.position, ids: [id] }),
  "refresh()": (agent) => agent.refresh(),
  "tail()": (agent) => agent.tail(),
  "at()": async (agent) => (await agent.at(agent.position)).close(),
  "compact()": (agent) => agent.compact(),
  "archive()": (agent, id) => agent.archive((_, each) => each === id),
};

for (const [name, call] of Object.entries(waiting)) {
  test.serial(
    `files are read while another process has the lock for long, and then ${name} of all agents comes to its end`,
    async (t) => {
      t.timeout(120_000);
      const folder = await temporaryFolder(t);
      const agents = await openAgents(t, folder);
      for (const [n, agent] of agents.entries()) await agent.set(`id-${n}`, { n });
      const end = join(await temporaryFolder(t), "end");
      const child = fork(program, [folder, end], { stdio: ["ignore", "pipe", "inherit", "ipc"] });
      t.teardown(() => child.kill("SIGKILL"));
      const [line] = await once(child.stdout, "data");
      t.is(String(line), "in\n");
      const calls = agents.map((agent, n) => call(agent, `id-${n}`));
      // As long as the lock is held: it is given up when this has been read.
      for (let n = 0; n < 20; n++) await readFile(program);
      await writeFile(end, "");
      await Promise.all(calls);
      t.true((await recordsIn(folder)).long !== undefined);
    },
  );
}

/** What other agents of the process do all the time. */
const work = {
  "set()": (agent, n) => agent.set(`of-${n}`, { n }),
  "batch()": (agent, n) => agent.batch((batch) => ["one", "two"].forEach((id) => batch.set(id, { n }))),
  "transaction()": (agent, n) => agent.transaction((tx) => tx.set("counted", { n })),
  "undo()": async (agent, n) => {
    await agent.set(`of-${n}`, { n });
    await agent.undo();
  },
  "refresh()": (agent) => agent.refresh(),
  "tail()": (agent) => agent.tail(),
  "compact()": async (agent, n) => {
    await agent.set(`of-${n}`, { n });
    await agent.compact();
  },
  "archive()": async (agent, n) => {
    await agent.set(`of-${n}`, { n });
    await agent.archive((_, id) => id === `of-${n}`);
  },
  "revert()": async (agent, n) => {
    const { position } = agent;
    await agent.set(`of-${n}`, { n });
    await agent.revert({ to: position, ids: [`of-${n}`] });
  },
};
/** What another agent has undone was behind the place to which a store was to go back. */
const mayBeGone = (name, { code }) => name === "undo()" && code === "OPSLOG_POSITION_GONE";

for (const [name, step] of Object.entries(work)) {
  test.serial(
    `revert() of an agent beside ${name} of others of its process ends, and no call is refused`,
    async (t) => {
      t.timeout(120_000);
      const folder = await temporaryFolder(t);
      const [reverting, ...others] = await openAgents(t, folder);
      let isOver = false;
      const working = others.map(async (agent, who) => {
        for (let n = 0; !isOver; n++) {
          await step(agent, `${who}-${n}`);
          await delay(1);
        }
      });
      try {
        for (let n = 1; n <= 5; n++) {
          const { position } = reverting;
          await reverting.set("a", { n });
          try {
            t.is(await reverting.revert({ to: position, ids: ["a"] }), 1);
            t.false(reverting.has("a"));
          } catch (error) {
            if (!mayBeGone(name, error)) throw error;
            await reverting.delete("a");
          }
        }
      } finally {
        isOver = true;
        await Promise.all(working);
      }
    },
  );
}

test.serial("revert() brings records back that others change while it finds what was", async (t) => {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const [reverting, ...others] = await openAgents(t, folder);
  const ids = Array.from({ length: 200 }, (_, n) => `id-${n}`);
  await reverting.batch((batch) => ids.forEach((id) => batch.set(id, { n: 0 })));
  for (let round = 1; round <= 5; round++) {
    const { position } = reverting;
    const expected = Object.fromEntries(reverting.entries());
    const changing = others.map(async (agent, who) => {
      await agent.refresh();
      for (const [n, id] of ids.entries()) {
        if (n % others.length !== who) continue;
        if (round % 2 === 0 && n % 3 === 0) await agent.delete(id);
        else await agent.set(id, { n: round, who });
      }
    });
    await reverting.revert({ to: position });
    await Promise.all(changing);
    // Whatever came behind the first one.
    await reverting.revert({ to: position });
    t.deepEqual(Object.fromEntries(reverting.entries()), expected);
  }
});
