/**
 * A fleet whose vehicles report where they are, each an agent of one of several stores in a bucket, and a control room that follows all
 * of them and shows a table:
 *
 *   node examples/fleet/main.mjs my-bucket --vehicles 50 --shards 4 --seconds 30
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openShard, shardOf } from "./shards.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    vehicles: { type: "string", default: "50" },
    shards: { type: "string", default: "4" },
    processes: { type: "string", default: "5" },
    seconds: { type: "string", default: "30" },
    "every-ms": { type: "string", default: "1000" },
  },
});
const [bucket] = positionals;
if (bucket === undefined) {
  console.error("Usage: node examples/fleet/main.mjs <bucket> [--vehicles 50] [--shards 4] [--seconds 30]");
  process.exit(2);
}
const [count, shards, processes, seconds] = ["vehicles", "shards", "processes", "seconds"].map((name) =>
  Number(values[name]),
);
const vehicles = Array.from({ length: count }, (_, n) => `vehicle-${n}`);
const program = fileURLToPath(new URL("vehicles.mjs", import.meta.url));

/** What the control room knows of a shard. */
class Shard {
  told = 0;
  lagsMs = [];

  constructor(number, store) {
    this.number = number;
    this.store = store;
    this.vehicles = vehicles.filter((vehicle) => shardOf(vehicle, shards) === number).length;
  }

  async look() {
    const news = await this.store.tail();
    const now = Date.now();
    for (const { data } of news) this.lagsMs.push(now - data.at);
    this.told += news.length;
  }

  /** A row of the table, of what came since the last one. */
  row(sinceMs) {
    const lags = this.lagsMs.splice(0).sort((one, other) => one - other);
    return {
      shard: this.number,
      vehicles: this.vehicles,
      "on the road": this.store.count(),
      reports: this.told,
      "a second": Math.round((1000 * lags.length) / sinceMs),
      "lag, ms": lags[lags.length >> 1] ?? "",
    };
  }
}

const followed = [];
for (let number = 0; number < shards; number++) {
  // The first to open a store makes it.
  await (await openShard(bucket, number, { agentId: "control-room" })).close();
  followed.push(new Shard(number, await openShard(bucket, number, { readOnly: true })));
}

const onTheRoad = new Set();
const acknowledged = new Map();
const children = Array.from({ length: processes }, (_, n) => {
  const own = vehicles.filter((_, at) => at % processes === n);
  const child = fork(program, [bucket, String(shards), values["every-ms"], ...own]);
  child.on("message", ({ vehicle, reports }) => {
    if (reports === undefined) onTheRoad.add(vehicle);
    else acknowledged.set(vehicle, reports);
  });
  return child;
});
const ended = Promise.all(children.map((child) => once(child, "exit")));

const begun = Date.now();
let shownAt = begun;
let lines = 0;
function show() {
  const rows = followed.map((shard) => shard.row(Date.now() - shownAt));
  shownAt = Date.now();
  if (!process.stdout.isTTY) return;
  if (lines > 0) process.stdout.write(`\x1b[${lines}A\x1b[J`);
  console.table(rows);
  lines = rows.length + 4;
}
while (onTheRoad.size < count || Date.now() < begun + 1000 * seconds) {
  await Promise.all(followed.map((shard) => shard.look()));
  if (Date.now() - shownAt >= 1000) show();
  await delay(200);
  if (children.some((child) => child.exitCode !== null)) break;
}
for (const child of children) if (child.connected) child.send("stop");
await ended;
await Promise.all(followed.map((shard) => shard.look()));
show();

const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);
const reported = followed.flatMap(({ store }) => store.entries());
const lost = [...acknowledged].filter(
  ([vehicle, reports]) => !reported.some(([id, { reports: told }]) => id === vehicle && told === reports),
);
console.log(`vehicles: ${reported.length} on ${shards} shards`);
console.log(`reports acknowledged: ${sum([...acknowledged.values()])}`);
console.log(`reports that the control room was told of: ${sum(followed.map(({ told }) => told))}`);
console.log(`vehicles whose last report is lost: ${lost.length}`);
for (const { store } of followed) await store.close();
if (lost.length > 0 || acknowledged.size < count) process.exitCode = 1;
