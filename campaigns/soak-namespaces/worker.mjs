/**
 * One process in its namespace: opens the folder, as an agent if it has a name, and writes until it is killed. Says on
 * standard output each call before it is made, and what became of it.
 */
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../soak/random.mjs";

const { module, folder, agentId, owner, seed, first, keys } = JSON.parse(process.argv[2]);
const { Store } = await import(module);
const random = new Random(seed);
const say = (...words) => writeSync(1, `${words.join(" ")}\n`);
const store = new Store();
const text = "x".repeat(400);
let next = first;

const failed = (what) => (error) => say("failed", JSON.stringify(`${what}: ${error.code} ${error.message}`));

/** A set or, now and then, a deletion of one of the writer's own records; numbers are never used twice. */
function change() {
  const id = `${owner}-${random.below(keys)}`;
  return { id, n: next++, deletes: store.has(id) && random.chance(0.1) };
}

const make = ({ id, n, deletes }) => (deletes ? store.delete(id) : store.set(id, { n, text }));
const number = ({ n, deletes }) => (deletes ? "-" : n);

async function single() {
  const one = change();
  say("call", one.id, number(one));
  await make(one);
  say("ack", one.id, number(one));
}

async function batch() {
  const chosen = new Map();
  for (let left = 2 + random.below(30); left > 0; left--) {
    const one = change();
    chosen.set(one.id, one);
  }
  const all = [...chosen.values()];
  for (const one of all) say("call", one.id, number(one));
  await store.batch(() => all.forEach((one) => void make(one)));
  for (const one of all) say("ack", one.id, number(one));
}

async function compact() {
  try {
    await store.compact();
    say("compacted");
  } catch (error) {
    // Another agent's compaction was waited for, and goes on.
    if (error.code === "OPSLOG_LOCKED") say("busy");
    else failed("compact()")(error);
  }
}

try {
  await store.open(folder, {
    agentId,
    checkpointThreshold: random.pick([undefined, 50, 500]),
    durability: random.pick(["process", "process", "always"]),
  });
  say("open", process.pid);
} catch (error) {
  say(
    error.code === "OPSLOG_LOCKED" ? "locked" : "failed",
    JSON.stringify(`open(): ${error.code} ${error.message}`),
  );
  process.exit(0);
}
let compacting = Promise.resolve();
for (;;) {
  const chance = random.next();
  if (chance < 0.08) compacting = compacting.then(compact);
  else if (chance < 0.5) await batch().catch(failed("batch()"));
  else await single().catch(failed("set() or delete()"));
  if (random.chance(0.2)) await delay(random.below(4));
}
