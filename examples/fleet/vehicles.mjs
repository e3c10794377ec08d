// A process with some of the vehicles. Each is an agent of its shard and reports where it is, about once a second, until it is told
// to stop. Then it says how many reports were acknowledged.

import { setTimeout as delay } from "node:timers/promises";
import { openShard, shardOf } from "./shards.mjs";

const [bucket, shards, everyMs, ...vehicles] = process.argv.slice(2);
let isOver = false;
process.once("message", () => (isOver = true));

async function drive(vehicle) {
  const store = await openShard(bucket, shardOf(vehicle, Number(shards)), {
    agentId: vehicle,
    checkpointOnClose: false,
  });
  process.send({ vehicle, isOnTheRoad: true });
  let reports = 0;
  for (let km = 0; !isOver; km += Math.random()) {
    await store.set(vehicle, { km: Math.round(km), at: Date.now(), reports: reports + 1 });
    reports++;
    await delay(Number(everyMs) * (0.5 + Math.random()));
  }
  await store.close();
  process.send({ vehicle, reports });
}

await Promise.all(vehicles.map(drive));
process.disconnect();
