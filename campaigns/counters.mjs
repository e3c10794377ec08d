/**
 * Agents that count ten counters up in transactions, in processes of their own, or several in one, some of which are killed; beside them
 * an agent that appends. No step may be lost, and the appends must go on.
 *
 *   npm run soak:counters -- --steps 100000 --agents 8 --kill-every-ms 400 --burst 64 --together 4
 */
import { fork } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Store } from "../index.mjs";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "100000" },
    agents: { type: "string", default: "8" },
    burst: { type: "string", default: "64" },
    together: { type: "string", default: "1" },
    "kill-every-ms": { type: "string", default: "400" },
    folder: { type: "string" },
  },
});
const [steps, agents, burst, together] = ["steps", "agents", "burst", "together"].map((name) =>
  Number(values[name]),
);
const killEveryMs = Number(values["kill-every-ms"]);
const root = values.folder ?? (await mkdtemp(path.join(tmpdir(), "opslog-counters-")));
const folder = path.join(root, "store");
const child = fileURLToPath(new URL("counters/child.mjs", import.meta.url));
const ledgerOf = (agent) => path.join(root, `${agent}.acknowledged`);

/** How many steps an agent was told are done: a byte each in its file, so that its death loses none. */
const acknowledged = async (agent) =>
  existsSync(ledgerOf(agent)) ? (await readFile(ledgerOf(agent))).length : 0;

const found = { kills: 0, failed: [], begun: 0 };

/** One agent until it has done its share; killed, it starts again. */
async function count(agent, share, running) {
  while ((await acknowledged(agent)) < share) {
    const args = [folder, agent, ledgerOf(agent), String(share), String(burst), String(together)];
    const work = fork(child, args, { stdio: ["ignore", "inherit", "pipe", "ipc"] });
    let said = "";
    work.stderr.on("data", (text) => (said += text));
    running.add(work);
    const [code, signal] = await new Promise((done) => work.once("exit", (...how) => done(how)));
    running.delete(work);
    if (code !== 0 && signal !== "SIGKILL") {
      found.failed.push(`${agent}: ${signal ?? code} ${said}`);
      return;
    }
  }
}

/**
 * Appends one operation after the other, and gives how long each took; and how long a call of Node's own took that goes to its threads and
 * back, and waits for no lock: no append that must wait can be faster than that beside so many processes.
 */
async function append(until) {
  const store = new Store();
  await store.open(folder, { agentId: "appender" });
  const [appends, calls] = [[], []];
  const timed = async (times, work) => {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
    await delay(3);
  };
  for (let n = 0; !until.done; n++) {
    await timed(appends, () => store.set(`appended-${n % 100}`, { n }));
    await timed(calls, () => stat(folder));
  }
  await store.close();
  return { appends, calls };
}

/** Half of the times, nearly all of them, and the longest. */
function spread(times) {
  const sorted = times.sort((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.trunc(sorted.length * share))].toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}

const running = new Set();
const until = { done: false };
const started = performance.now();
const appending = append(until);
const counting = Promise.all(
  Array.from({ length: agents }, (_, n) => count(`agent-${n}`, Math.ceil(steps / agents), running)),
);
counting.finally(() => (until.done = true)).catch(() => {});
while (!until.done && killEveryMs > 0) {
  await Promise.race([delay(killEveryMs * (0.5 + Math.random())), counting]);
  if (until.done) break;
  const chosen = [...running][Math.trunc(Math.random() * running.size)];
  if (chosen?.kill("SIGKILL")) found.kills++;
}
await counting;
const seconds = (performance.now() - started) / 1000;
const { appends, calls } = await appending;

const store = new Store();
await store.open(folder, { readOnly: true });
const counted = Array.from({ length: 10 }, (_, n) => store.get(`counter-${n}`)?.n ?? 0).reduce(
  (sum, n) => sum + n,
  0,
);
await store.close();
let told = 0;
for (let n = 0; n < agents; n++) told += await acknowledged(`agent-${n}`);
// What was under way when a process died may be there or not.
const most = told + found.kills * burst;
const isRight = counted >= told && counted <= most && found.failed.length === 0;
console.log(
  `processes     ${agents}, of ${together} agents each, with ${burst} transactions in flight, ten counters`,
);
console.log(`acknowledged  ${told} steps, ${Math.round(told / seconds)} a second; counted ${counted}`);
console.log(`kills         ${found.kills}`);
console.log(`lost          ${Math.max(0, told - counted)}`);
console.log(`appends       ${appends.length} of another agent: ${spread(appends)}`);
console.log(`fs.stat       ${calls.length} beside them: ${spread(calls)}`);
for (const text of found.failed) console.log(`failed        ${text}`);
console.log(`took          ${seconds.toFixed(0)} s`);
if (!isRight) process.exitCode = 1;
if (values.folder === undefined) await rm(root, { recursive: true, force: true });
