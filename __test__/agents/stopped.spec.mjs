import { existsSync, readdirSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { manual, openAgent, recordsIn } from "../helpers/agents.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { until } from "../helpers/until.mjs";

const posix = process.platform === "win32" ? test.skip : test;
const linux = process.platform === "linux" ? test : test.skip;
/** Longer than the longest that a call may wait for another agent. */
const HANG_MS = 100_000;

/** How a call ends: `true`, or its error; a hang is neither. */
function outcome(call) {
  const hang = delay(HANG_MS, new Error("hangs"), { ref: false });
  return Promise.race([
    call.then(
      () => true,
      (error) => error,
    ),
    hang,
  ]);
}

function signal(agent, name) {
  try {
    process.kill(agent.pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** Whether each thread of a process stands still: the signal that stops it takes effect a moment later. */
function stands(pid) {
  const threads = `/proc/${pid}/task`;
  return readdirSync(threads).every((thread) => {
    const stat = readFileSync(`${threads}/${thread}/stat`, "utf8");
    // The name before the state may hold anything, a parenthesis too.
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  });
}

async function stop(agent) {
  signal(agent, "SIGSTOP");
  if (process.platform !== "linux") return delay(50);
  while (!stands(agent.pid)) await delay(1);
}

/** An agent in its own process that compacts without end; its calls stop when it is told to. */
async function compactor(t, folder, records) {
  const agent = await openInProcess(t, folder, { ...manual, agentId: "compactor" });
  t.teardown(() => signal(agent, "SIGCONT"));
  const entries = Array.from({ length: records }, (_, n) => [`id-${n}`, { n, text: "x".repeat(200) }]);
  await agent.call("batchSet", entries);
  const work = { going: true };
  work.done = (async () => {
    while (work.going) {
      await agent.call("set", "tick", {});
      await agent.call("compact");
    }
  })();
  // It is killed when the test is over, also when that is early.
  work.done.catch(() => {});
  return { agent, work };
}

posix(
  "set() and compact(), another agent is stopped in the middle of a compaction, never hang and never steal",
  async (t) => {
    t.timeout(3 * HANG_MS);
    const folder = await temporaryFolder(t);
    const { agent, work } = await compactor(t, folder, 20_000);
    const other = await openAgent(t, folder, "other");
    const third = await openAgent(t, folder, "third");
    const lock = join(folder, ".compact-lock");
    do {
      signal(agent, "SIGCONT");
      while (!existsSync(lock)) await delay(1);
      await stop(agent);
    } while (!existsSync(lock));

    const written = await outcome(other.set("other", { n: 1 }));
    const [compacted, archived] = await Promise.all([
      outcome(third.compact()),
      outcome(other.archive((_, id) => id === "id-0", "2024-Q1")),
    ]);
    for (const result of [written, compacted, archived]) {
      if (result !== true) t.is(result.code, "OPSLOG_LOCKED", result.message);
    }
    t.not(archived, true);
    t.true(existsSync(lock));

    signal(agent, "SIGCONT");
    work.going = false;
    await work.done;
    t.is(await outcome(other.set("after", { n: 2 })), true);
    t.is(await outcome(other.compact()), true);
    const records = await recordsIn(folder);
    t.is(Object.keys(records).length, 20_000 + 2 + (written === true ? 1 : 0));
    t.is("other" in records, written === true);
  },
);

posix(
  "set() of an agent, another is stopped while it holds the lock, rejects with OPSLOG_LOCKED after a while",
  async (t) => {
    t.timeout(3 * HANG_MS);
    const folder = await temporaryFolder(t);
    const { agent, work } = await compactor(t, folder, 10);
    const other = await openAgent(t, folder, "other");
    const expected = [];
    let held = null;
    for (let n = 0; held === null && n < 2000; n++) {
      await stop(agent);
      const writing = outcome(other.set(`id-other-${n}`, { n }));
      const result = await writing;
      if (result === true) expected.push(`id-other-${n}`);
      else held = result;
      signal(agent, "SIGCONT");
      await delay(n % 5);
    }
    t.is(held?.code, "OPSLOG_LOCKED", held?.message);
    t.is(await outcome(other.set("after", { n: 1 })), true);
    t.is(await outcome(other.delete("after")), true);
    work.going = false;
    await work.done;
    const found = Object.keys(await recordsIn(folder)).filter((id) => id.startsWith("id-other-"));
    t.deepEqual(found.sort(), expected.sort());
  },
);

test("all methods of two agents in one process, called at once over and over, never wait for each other for ever", async (t) => {
  const folder = await temporaryFolder(t);
  const agents = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  const work = agents.map(async (store, which) => {
    for (let n = 0; n < 40; n++) {
      const calls = [
        store.set(`${which}-${n}`, { n }),
        store.batch(() => store.set(`batch-${which}-${n}`, { n })),
        store.compact(),
        store.refresh(),
        store.set(`late-${which}-${n}`, { n }),
        store.tail(),
        n % 8 === 0 ? store.archive((_, id) => id === `${which}-${n}`, `${which}`) : store.refresh(),
      ];
      const settled = await Promise.allSettled(calls);
      for (const { reason } of settled) if (reason) t.is(reason.code, "OPSLOG_LOCKED", reason.message);
    }
  });
  t.not(await Promise.race([Promise.all(work), delay(HANG_MS, "hangs", { ref: false })]), "hangs");
  const records = await recordsIn(folder);
  for (const which of [0, 1]) {
    for (let n = 0; n < 40; n++) t.true(`late-${which}-${n}` in records && `batch-${which}-${n}` in records);
  }
});

linux(
  "transaction() of many agents of one process, while another agent is stopped in the middle of one, leaves the threads of the process to other calls",
  async (t) => {
    t.timeout(3 * HANG_MS);
    const folder = await temporaryFolder(t);
    const stopped = await openInProcess(t, folder, { ...manual, agentId: "stopped" });
    t.teardown(() => signal(stopped, "SIGCONT"));
    const stores = [];
    // More than there are threads.
    for (let n = 0; n < 12; n++) stores.push(await openAgent(t, folder, `here-${n}`));
    const stoppedIn = stopped.call("stopInTransaction", "before");
    // It is killed when the test fails.
    stoppedIn.catch(() => {});
    await until(() => stands(stopped.pid));
    let settled = 0;
    const counting = stores.map(async (store) => {
      try {
        return await store.update("counter", (current) => ({ n: (current?.n ?? 0) + 1 }));
      } finally {
        settled++;
      }
    });
    await delay(0);
    await stat(folder);
    t.is(settled, 0);
    signal(stopped, "SIGCONT");
    await Promise.all([stoppedIn, ...counting]);
    t.deepEqual(await recordsIn(folder), { before: {}, counter: { n: 12 } });
  },
);
