/**
 * The operations of the logs that checkpoints left behind, and of the current ones: each once, in order of time. Holds
 * one log of each writer in memory.
 */
import { isDeepStrictEqual } from "node:util";
import { FsBackend } from "../index.mjs";

const LOG = /^(ops|agent-.+)-(\d{1,15})\.jsonl$/s;

function currentLogs({ activeOps, activeAgentOps = {} }) {
  return [activeOps, ...Object.values(activeAgentOps)].sort();
}

/** Brings the store to the files that the manifest names at the moment, and returns them. */
async function settled(backend, store) {
  for (;;) {
    const before = currentLogs(await backend.readManifest());
    await store.refresh();
    if (isDeepStrictEqual(before, currentLogs(await backend.readManifest()))) return before;
  }
}

/** The logs that are not current, by who wrote them, the oldest first. */
async function logsLeftBehind(backend, current) {
  const logs = new Map();
  for (const name of await backend.listBlobs("ops")) {
    const [, writer, number] = LOG.exec(name) ?? [];
    if (writer === undefined || current.includes(`ops/${name}`)) continue;
    const own = logs.get(writer) ?? [];
    own.push({ path: `ops/${name}`, number: Number(number) });
    logs.set(writer, own);
  }
  for (const own of logs.values()) own.sort((one, other) => one.number - other.number);
  return logs;
}

const FIELDS = ["ts", "op", "id", "data", "prev", "encoding", "agent", "clock"];

/** An operation without the marks that a line of a log may have. */
function plain(operation) {
  return Object.fromEntries(Object.entries(operation).filter(([name]) => FIELDS.includes(name)));
}

/** How many operations at the head of a log stand at the end of the one before it as well: a checkpoint carried them. */
function carried(before, operations) {
  if (operations.length === 0) return 0;
  for (let at = 0; at < before.length; at++) {
    const rest = before.length - at;
    if (rest > operations.length || before[at].ts !== operations[0].ts) continue;
    if (before.slice(at).every((operation, index) => isDeepStrictEqual(operation, operations[index])))
      return rest;
  }
  return 0;
}

function byWriter(operations) {
  const own = new Map();
  for (const operation of operations) {
    const writer = operation.agent === undefined ? "ops" : `agent-${operation.agent}`;
    if (!own.has(writer)) own.set(writer, []);
    own.get(writer).push(operation);
  }
  return own;
}

async function* chain(backend, logs, current) {
  let before = [];
  for (const { path } of logs) {
    const operations = (await backend.readOps(path)).map(plain);
    yield* operations.slice(carried(before, operations));
    before = operations;
  }
  yield* current.slice(carried(before, current));
}

async function* merged(chains) {
  const heads = [];
  for (const each of chains) {
    const { done, value } = await each.next();
    if (!done) heads.push({ each, value });
  }
  while (heads.length > 0) {
    const first = heads.reduce((least, head) => (head.value.ts < least.value.ts ? head : least));
    yield first.value;
    const { done, value } = await first.each.next();
    if (done) heads.splice(heads.indexOf(first), 1);
    else first.value = value;
  }
}

/** All operations that a folder has, and whether they say who made them. The store is one that reads it. */
export async function allOperations(folder, store) {
  const backend = new FsBackend();
  await backend.initialize(folder, { readOnly: true });
  const logs = await logsLeftBehind(backend, await settled(backend, store));
  const current = byWriter(store.getOps());
  const writers = new Set([...logs.keys(), ...current.keys()]);
  const chains = [...writers].map((name) => chain(backend, logs.get(name) ?? [], current.get(name) ?? []));
  return { operations: merged(chains), withAgent: [...writers].some((name) => name !== "ops") };
}
