/**
 * A writer of the soak: changes a store at random until it is killed, and notes in its journal what was acknowledged. Its
 * arguments: folder, journal, agentId or "-", seed, how many records it sets at once at most.
 */
import { appendFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { Store } from "../../index.mjs";
import { carried } from "./carried.mjs";
import { random } from "./random.mjs";

const [folder, journal, agent, seed, together] = process.argv.slice(2);
const agentId = agent === "-" ? undefined : agent;
const roll = random(Number(seed));
const store = new Store();
const options = {
  ...carried(),
  agentId,
  checkpointThreshold: (500 * together) / 40,
  checkpointOnClose: false,
};
let number = 0;
/** As many operations as a batch has, and one. */
const MOST_UNDONE = 6;
/** The tokens that were issued last. */
let issued = [];

/** Notes something of tokens, in one write. A kill may cut it anywhere: a line counts with its end, and begins a new one. */
const note = (what, ...tokens) =>
  appendFileSync(journal, tokens.map((token) => `\n${what} ${token} .`).join(""));
const idOf = () => `id${roll(50)}`;

/** Values that no other operation has. */
function issue(count) {
  const values = Array.from({ length: count }, () => ({
    token: `${agent}:${seed}:${++number}`,
    text: "x".repeat(roll(200)),
  }));
  note("issued", ...tokensOf(values));
  issued = [...issued, ...tokensOf(values)].slice(-MOST_UNDONE);
  return values;
}

const tokensOf = (values) => values.map(({ token }) => token);

/** The token of the operation that undo() takes back. */
function lastToken() {
  const own = store.getOps().filter((operation) => operation.agent === agentId);
  return own.at(-1)?.data?.token;
}

async function undo(isBatch) {
  const before = store.getOps().filter((operation) => operation.agent === agentId);
  note("undoing", lastToken() ?? "-");
  // NOTE: while a compaction is due none is shown; if another agent is at it, they are shown again, and the last one goes.
  if (before.length === 0) note("undoing", ...issued);
  if (isBatch)
    for (const { data } of before.slice(-MOST_UNDONE)) if (data !== undefined) note("undoing", data.token);
  if (!(await store.undo({ batch: isBatch }))) return;
  const after = store.getOps().filter((operation) => operation.agent === agentId);
  // NOTE: where a compaction came in between, the operations that are not shown any more were not undone.
  const isShorter =
    after.length > 0 && after.every(({ ts, id }, at) => before[at]?.ts === ts && before[at].id === id);
  if (isShorter)
    for (const { data } of before.slice(after.length)) if (data !== undefined) note("undone", data.token);
}

async function batch() {
  const values = issue(2 + roll(4));
  await store.batch(() => {
    for (const value of values) store.set(idOf(), value);
  });
  note("acknowledged", ...tokensOf(values));
}

async function several() {
  const values = issue(1 + roll(Number(together)));
  await Promise.all(values.map((value) => store.set(idOf(), value)));
  note("acknowledged", ...tokensOf(values));
}

async function step() {
  const choice = roll(100);
  if (choice < 70) return several();
  if (choice < 85) return batch();
  if (choice < 92) return undo(choice < 88);
  if (choice < 94) return store.compact();
  if (choice < 95) {
    await store.close();
    return store.open(folder, options);
  }
  const id = idOf();
  if (store.has(id)) await store.delete(id).catch(() => {});
}

await store.open(folder, options);
for (;;) {
  await step();
  await turn();
}
