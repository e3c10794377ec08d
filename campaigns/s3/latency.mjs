/**
 * How many operations a second come through where each request takes longer: a proxy adds milliseconds to each. Beside it what the SDK's
 * own PUT comes to, one after the other, through the same proxy: no awaited write can be faster.
 *
 *   node campaigns/s3/latency.mjs [--server moto|radosgw|memory] [--latency-ms 20] [--seconds 10] [--write]
 *
 * The server "memory" needs no time of its own, and takes those milliseconds itself: so much the client comes to.
 *
 * With --write into docs/s3/latency.json, and from it into docs/s3.md.
 */
import { parseArgs } from "node:util";
import { origin } from "../../bench/results.mjs";
import { Store } from "../../index.mjs";
import { createBucket, installClients, requireInstalled, s3Backend, s3Client, s3Config } from "./clients.mjs";
import { keepLatency } from "./cost-page.mjs";
import { startProxy } from "./proxy.mjs";
import { startMemoryServer } from "./memory-server.mjs";
import { startServer } from "./servers.mjs";

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "radosgw" },
    "latency-ms": { type: "string", default: "20" },
    seconds: { type: "string", default: "10" },
    write: { type: "boolean", default: false },
  },
});
const [latencyMs, seconds] = ["latency-ms", "seconds"].map((name) => Number(values[name]));
const IN_FLIGHT = 2000;

/** So many awaited calls come before those that count: what runs 45 times a second is not compiled for a while. */
const WARM_UP = 1000;

/** Does something over and over, so many at a time, and gives how often it came to its end, a second. */
async function rateOf(atOnce, work) {
  for (let n = 0; atOnce === 1 && n < WARM_UP; n++) await work(0);
  const began = performance.now();
  const end = began + 1000 * seconds;
  let done = 0;
  const run = async (lane) => {
    while (performance.now() < end) {
      await work(lane);
      done++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, lane) => run(lane)));
  return (1000 * done) / (performance.now() - began);
}

await installClients();
const isInMemory = values.server === "memory";
const server = await (isInMemory ? startMemoryServer(latencyMs) : startServer(values.server));
try {
  const proxy = isInMemory ? null : await startProxy(server.endpoint);
  const config = s3Config((proxy ?? server).endpoint, server.credentials);
  const client = s3Client((proxy ?? server).endpoint, server.credentials);
  const bucket = "latency";
  await createBucket(client, bucket);
  const rows = [];
  const row = (what, perSecond) => {
    rows.push({ what, perSecond });
    console.log(`${what}: ${perSecond.toFixed(0)} a second`);
  };
  if (proxy !== null) proxy.latencyMs = latencyMs;
  const { PutObjectCommand } = requireInstalled("@aws-sdk/client-s3");
  let n = 0;
  const put = () =>
    client.send(new PutObjectCommand({ Bucket: bucket, Key: `put/${n++}`, Body: "x", IfNoneMatch: "*" }));
  row("PUT of the SDK, one after the other", await rateOf(1, put));
  for (const [who, agentId] of [
    ["single writer", undefined],
    ["agent", "one"],
  ]) {
    const store = new Store();
    const backend = await s3Backend("s3", { config, bucket, prefix: who.replace(" ", "-") });
    await store.open("", { backend, agentId, checkpointOnClose: false, checkpointThreshold: Infinity });
    row(`${who}: set(), awaited`, await rateOf(1, () => store.set("a", { n: n++ })));
    row(
      `${who}: ${IN_FLIGHT.toLocaleString("en-US")} sets in flight`,
      await rateOf(IN_FLIGHT, (lane) => store.set(`id-${lane}`, { n: n++ })),
    );
    await store.close();
  }
  client.destroy();
  await proxy?.stop();
  const { server: name } = values;
  if (values.write) await keepLatency({ ...origin(), server: name, latencyMs, rows });
} finally {
  await server.stop();
}
