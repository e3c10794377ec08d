/**
 * One agent of the soak, in a process of its own: works at random on its store, and says on standard output,
 * before each call, what it is about to do, and after it how it ended. Each record carries a token, the
 * agent's number and that of the operation.
 */
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import { hash, Random } from "./random.mjs";
import { privateId, privatePrefix, sharedId } from "./names.mjs";
import { microseconds, say, sayFailure } from "./telling.mjs";

const settings = JSON.parse(process.argv[2]);
const { Store } = await import(settings.module);
const { agent, index, folder } = settings;
/** How often an open that fails is tried. */
const OPEN_TRIES = 50;
const random = new Random(hash(agent, settings.seed + settings.next));
let store = new Store();
const every = Object.fromEntries(
  Object.entries(settings.everyMs).map(([name, ms]) => [
    name,
    { ms, due: performance.now() + random.around(ms) },
  ]),
);
let next = settings.next;
let command = "resume";
let undoable = 0;
let skipLoad = false;
/** The schema version of this program; each record says which one it has. */
let version = 1;
/** Another agent has migrated the store: this one writes no more before it knows the newer version. */
let isOutdated = false;
let seen = new Set();
const behind = new Set();

/** What it sees of a record: its token, `null` for none, `false` where nothing is loaded. */
const tokenSeen = (id) => (skipLoad ? false : (store.get(id)?.t ?? null));

/** The tokens of chosen records, by id. */
function tokens(isChosen) {
  const chosen = store.entries().filter(([id]) => isChosen(id));
  const older = settings.versions ? chosen.find(([, { v }]) => v < version) : undefined;
  if (older !== undefined) say("older", `${older[1].t} of version ${older[1].v} shows to ${version}`);
  return Object.fromEntries(chosen.map(([id, { t }]) => [id, t]));
}

function makeValue(n) {
  const length = random.chance(0.01) ? 8000 : random.below(120);
  const value = {
    t: `${index}.${n}`,
    v: version,
    by: agent,
    text: "x".repeat(length),
    nested: { n, list: [n, "ü"] },
  };
  if (random.chance(0.3)) value.more = n;
  return value;
}

function migrate(record, from) {
  if (record.v !== from) say("migrated", `${record.t} of version ${record.v} from ${from} to ${version}`);
  return { ...record, v: version };
}

/** Takes note of a refusal because of the version. Returns whether it was one. */
function isRefusal(error) {
  const isNewer = error.code === "OPSLOG_NEWER_VERSION";
  isOutdated ||= isNewer;
  return isNewer;
}

/** A program of a version, which now and then is newer than all before. */
function program() {
  if (!settings.versions) return {};
  if (random.chance(0.15)) version++;
  return { version, migrate };
}

function chooseId() {
  return random.chance(settings.sharedChance)
    ? sharedId(random.below(settings.sharedKeys))
    : privateId(index, random.below(settings.privateKeys));
}

function chooseIds(count) {
  return [...new Set(Array.from({ length: count }, chooseId))];
}

/** Makes a call with its name; whatever comes of it is told. Returns the result, `undefined` if it failed. */
async function told(name, call, tell = () => []) {
  const started = microseconds();
  say("call", name);
  try {
    const result = await call();
    say("done", name, started, microseconds(), ...tell(result));
    return result;
  } catch (error) {
    isRefusal(error);
    sayFailure("fail", name, error);
    return undefined;
  }
}

async function change(id, deletes) {
  const n = next++;
  const started = microseconds();
  say("intent", n, [[deletes ? "d" : "s", id, tokenSeen(id)]]);
  try {
    await (deletes ? store.delete(id) : store.set(id, makeValue(n)));
    say("ack", n, 1, started, microseconds());
    undoable++;
  } catch (error) {
    isRefusal(error);
    sayFailure("reject", n, error, 1);
  }
}

async function batch() {
  const started = microseconds();
  let first;
  let count = 0;
  try {
    await store.batch(() => {
      first = next;
      const changes = chooseIds(2 + random.below(5)).map((id) => {
        const token = tokenSeen(id);
        return [store.has(id) && random.chance(0.2) ? "d" : "s", id, token];
      });
      count = changes.length;
      next += count;
      say("intent", first, changes);
      changes.forEach(([kind, id], n) =>
        kind === "d" ? store.delete(id) : store.set(id, makeValue(first + n)),
      );
    });
    say("ack", first, count, started, microseconds());
    undoable += count;
  } catch (error) {
    isRefusal(error);
    sayFailure("reject", first ?? next, error, count);
  }
}

async function undo() {
  if (undoable === 0) return;
  const undone = await told(
    "undo",
    () => store.undo(),
    (result) => [result],
  );
  undoable = undone ? undoable - 1 : 0;
}

async function archive() {
  const salt = random.below(2 ** 31);
  const period = random.chance(0.2) ? "common" : `${index}-${next++}`; // not that of an archive in which nothing was found
  const matched = new Map();
  const wanted = (value, id) => {
    const own = id.startsWith(privatePrefix(index));
    if (!(own ? hash(id, salt) % 12 === 0 : id.startsWith("s:") && hash(id, salt) % 40 === 0)) return false;
    if (!matched.has(id)) matched.set(id, next++);
    say("archives", matched.get(id), id, value.t, period);
    return true;
  };
  await told(
    "archive",
    () => store.archive(wanted, period),
    (count) => [count, period],
  );
}

async function tail() {
  // NOTE: in one message. A process that is killed between two would have looked and heard nothing.
  const heard = (operations) => operations.map(({ data }) => data?.t).filter((token) => token !== undefined);
  const operations = await told(
    "tail",
    () => store.tail(),
    (result) => [heard(result)],
  );
  for (const { agent: by, clock } of operations ?? []) {
    const identity = `${clock} ${by}`;
    if (seen.has(identity)) say("repeated", identity);
    seen.add(identity);
  }
}

function compact() {
  const compacting = told("compact", () => store.compact()).finally(() => behind.delete(compacting));
  behind.add(compacting);
  return random.chance(0.5) ? compacting : undefined;
}

async function open() {
  const options = { agentId: agent, checkpointOnClose: random.chance(0.7) };
  if (random.chance(0.4)) options.checkpointThreshold = random.pick([20, 500, Infinity]);
  skipLoad = settings.skipLoad && random.chance(0.08);
  if (skipLoad) Object.assign(options, { skipLoad: true });
  for (let tries = 1; ; tries++) {
    store = new Store();
    isOutdated = false;
    if (await told("open", () => openStore(options))) break;
    if (isOutdated) continue;
    // NOTE: 0.8.1 can spoil its own manifest for good; a process that waits for this agent would wait for ever.
    if (tries === OPEN_TRIES) process.exit(1);
    await delay(100);
  }
  const own = skipLoad
    ? undefined
    : await told("look", () => tokens((id) => id.startsWith(privatePrefix(index))));
  if (own !== undefined) say("opened", own);
}

/** Opens the store; one that is refused learns from that which version it needs. */
async function openStore(options) {
  try {
    await store.open(folder, { ...options, ...program() });
  } catch (error) {
    if (isRefusal(error)) version = Math.max(version, Number(/of version (\d+)/.exec(error.message)[1]));
    throw error;
  }
  return true;
}

async function reopen() {
  await Promise.all(behind);
  await told("close", () => store.close());
  seen = new Set();
  await open();
}

/** A few writes of a session that has loaded nothing, which then ends. */
async function workUnseen() {
  for (let n = 0; n < 30 && command === "resume"; n++)
    await (n % 5 === 4 ? batch() : change(chooseId(), false));
  await tail();
  await reopen();
}

async function burst() {
  await Promise.all(chooseIds(3 + random.below(6)).map((id) => change(id, false)));
}

async function refresh() {
  await told("refresh", () => store.refresh());
  if (settings.versions && !skipLoad) tokens(() => true);
}

const timed = { refresh, tail, compact, archive, reopen };

async function step() {
  if (isOutdated) return reopen();
  if (skipLoad) return workUnseen();
  for (const [name, timer] of Object.entries(every)) {
    if (performance.now() < timer.due) continue;
    timer.due = performance.now() + random.around(timer.ms);
    return timed[name]();
  }
  const choice = random.next();
  if (choice < 0.12) return batch();
  if (choice < 0.17) return burst();
  if (choice < 0.23) return undo();
  const id = chooseId();
  return change(id, choice < 0.35 && store.has(id));
}

async function obey() {
  await Promise.all(behind);
  say("quiet");
  for (let done = "pause"; command !== "resume";) {
    if (command === done) {
      await delay(2);
      continue;
    }
    done = command;
    // NOTE: on a busy machine it may come before the command to resume was seen.
    if (command === "pause") say("quiet");
    else if (command === "look") {
      while (skipLoad) await reopen();
      await told("refresh", () => store.refresh());
      say(
        "state",
        tokens(() => true),
      );
    } else if (command === "stop") {
      await told("close", () => store.close());
      say("closed");
      process.disconnect();
      return false;
    }
  }
  return true;
}

process.on("message", (message) => (command = message));
process.on("disconnect", () => process.exit());

await open();
const pauseMs = 1000 / settings.stepsPerSecond;
let due = performance.now();
for (let steps = 1; command === "resume" || (await obey()); steps++) {
  if (command !== "resume") continue;
  await step();
  due = Math.max(due, performance.now() - 20) + pauseMs;
  const aheadMs = due - performance.now();
  if (aheadMs > 4) await delay(aheadMs);
  else if (steps % 16 === 0) await turn();
}
