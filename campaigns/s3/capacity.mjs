/**
 * How far one store in a bucket goes: a simulation of agents, request by request, against the rates at which Amazon S3 says it answers. What
 * a call asks for is what the protocol's steps are (docs/s3.md); nothing is sent anywhere.
 *
 *   node campaigns/s3/capacity.mjs [--write]     with --write into docs/s3/capacity.json, and from it into docs/s3.md
 */
import { parseArgs } from "node:util";
import { origin } from "../../bench/results.mjs";
import { randomOf } from "./proxy.mjs";
import { keepCapacity } from "./cost-page.mjs";
import { World } from "./simulated-bucket.mjs";

const { values } = parseArgs({
  options: { write: { type: "boolean", default: false }, seconds: { type: "string", default: "20" } },
});
const seconds = Number(values.seconds);
const AGENTS = [1, 5, 10, 20, 50, 100, 200];
/** So many appends are stored once more as one object. */
const ROLL_UP = 16;
/** From so many appends on they are read as roll-ups. */
const READ_AS_ROLL_UPS = 33;
/** So many objects are listed in one request. */
const PAGE = 1000;
/** A snapshot of so many bytes, at so many bytes a second. */
const SNAPSHOT = { bytes: 20e6, bytesPerSecond: 50e6 };

/** What writers do: how long they pause between two awaited writes, how often they look, how many operations there are to a checkpoint. */
const USES = [
  { use: "each writes as fast as it can", pauseMs: 0, lookMs: Infinity, threshold: 20_000 },
  { use: "each writes once a second", pauseMs: 1000, lookMs: Infinity, threshold: 20_000 },
  {
    use: "each writes once a second, and looks every ten seconds",
    pauseMs: 1000,
    lookMs: 10_000,
    threshold: 20_000,
  },
  {
    use: "each writes once a second, and there is a checkpoint each 100 operations",
    pauseMs: 1000,
    lookMs: Infinity,
    threshold: 100,
  },
];

/** One store: what its manifest and its logs have come to. */
class SimulatedStore {
  manifest = 0;
  era = 0;
  operations = 0;
  isCompacting = false;
  appends;

  constructor(agents) {
    this.appends = new Array(agents).fill(0);
  }
}

/** One awaited write: an append, and a look at whether the manifest still names the log. Another era takes a second append. */
function* write(store, agent, known) {
  for (;;) {
    yield { request: "PUT" };
    store.appends[agent]++;
    if (store.appends[agent] % ROLL_UP === 0) yield { request: "PUT" };
    yield { request: "HEAD" };
    if (known.manifest === store.manifest) break;
    yield { request: "GET" };
    known.manifest = store.manifest;
    if (known.era === store.era) break;
    known.era = store.era;
  }
  store.operations++;
}

const readsOf = (appends) =>
  appends < READ_AS_ROLL_UPS ? appends : Math.floor(appends / ROLL_UP) + (appends % ROLL_UP);

function* read(appends) {
  for (let left = readsOf(appends); left > 0; left--) yield { request: "GET" };
}

const list = () => ask("LIST");

function* ask(request) {
  yield { request };
}

/** Lists logs: together while their objects fit a page, else each by itself. */
function* listed(store, logs) {
  const objects = store.appends.reduce((sum, appends) => sum + appends, 0);
  if (objects <= PAGE) yield* list();
  else yield { all: logs.map(list) };
}

/** A look at all logs: those with something new are read on, beside each other. */
function* look(store, seen) {
  if (store.appends.reduce((sum, appends) => sum + appends, 0) > PAGE) yield { request: "HEAD" };
  yield* listed(store, store.appends);
  const news = store.appends.map((appends, agent) => appends - seen[agent]);
  for (const [agent, appends] of store.appends.entries()) seen[agent] = appends;
  const unread = news.filter((appends) => appends > 0);
  if (unread.length === 0) return;
  yield* listed(store, unread);
  yield { all: unread.map(read) };
}

function* follow(world, store, lookMs) {
  const seen = store.appends.map(() => 0);
  yield { pause: lookMs * world.random() };
  for (;;) {
    const began = world.now;
    // What was sealed is read no more: a log counts from the seal on.
    for (const [agent, appends] of store.appends.entries()) seen[agent] = Math.min(seen[agent], appends);
    yield* look(store, seen);
    yield { pause: Math.max(0, began + lookMs - world.now) };
  }
}

/** Seal, snapshot, publish. */
function* compact(store, counts) {
  store.isCompacting = true;
  store.operations = 0;
  for (const request of ["PUT", "GET", "HEAD", "PUT"]) yield { request };
  store.manifest++;
  store.era++;
  const sealed = store.appends.splice(0, Infinity, ...store.appends.map(() => 0));
  yield { all: sealed.map(list) };
  yield { all: sealed.map(read) };
  yield { pause: (1000 * SNAPSHOT.bytes) / SNAPSHOT.bytesPerSecond };
  for (const request of ["PUT", "GET", "PUT", "HEAD"]) yield { request };
  store.manifest++;
  store.isCompacting = false;
  counts.compactions++;
}

function* live(world, store, agent, { pauseMs, threshold }, counts) {
  const known = { manifest: store.manifest, era: store.era };
  yield { pause: pauseMs * world.random() };
  for (;;) {
    const began = world.now;
    yield* write(store, agent, known);
    counts.latencies.push(world.now - began);
    if (store.operations >= threshold && !store.isCompacting) world.start(compact(store, counts));
    if (pauseMs > 0) yield { pause: Math.max(0, began + pauseMs - world.now) };
  }
}

function simulate(agents, use) {
  const world = new World(randomOf(agents));
  const store = new SimulatedStore(agents);
  const counts = { latencies: [], compactions: 0 };
  for (let agent = 0; agent < agents; agent++) {
    world.start(live(world, store, agent, use, counts));
    if (use.lookMs < Infinity) world.start(follow(world, store, use.lookMs));
  }
  world.run(seconds * 1000);
  const sorted = counts.latencies.sort((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const each = (count) => count / seconds;
  return {
    agents,
    writes: each(sorted.length),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    puts: each(world.requests.PUT),
    reads: each(world.requests.GET + world.requests.HEAD + world.requests.LIST),
    refused: each(world.refused),
    compactions: counts.compactions,
  };
}

const results = USES.map(({ use, ...rest }) => ({
  use,
  rows: AGENTS.map((agents) => simulate(agents, rest)),
}));
for (const { use, rows } of results) {
  console.log(use);
  console.table(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, n]) => [name, Math.round(n)]))),
  );
}
if (values.write) await keepCapacity({ ...origin(), seconds, results });
