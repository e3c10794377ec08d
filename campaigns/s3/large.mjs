// What a long snapshot needs of memory and requests, on its way up and down:  node campaigns/s3/large.mjs [--records 1000000]
// The records are made one by one and read one by one, so that what is measured is the backend's.

import { parseArgs } from "node:util";
import { createBucket, installClients, s3Backend, s3Client } from "./clients.mjs";
import { startMoto } from "./moto.mjs";
import { startProxy } from "./proxy.mjs";

const { values } = parseArgs({ options: { records: { type: "string", default: "1000000" } } });
const count = Number(values.records);
const MB = 1 << 20;
const PAD = "x".repeat(120);

function* records() {
  for (let n = 0; n < count; n++) yield [`record-${n}`, { n, kind: n % 7, text: PAD, tags: ["one", "two"] }];
}

/** Runs some work; returns by how many MB the process grew at most meanwhile. */
async function peak(work) {
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5);
  const result = await work();
  clearInterval(timer);
  return { result, grownMb: Math.round((Math.max(most, process.memoryUsage().rss) - before) / MB) };
}

/** A long snapshot goes up and comes down. */
async function upAndDown(client, take = () => undefined) {
  const backend = await s3Backend("s3", { client, bucket: "large", requestTimeoutMs: 120_000 });
  // Whatever is loaded for the first request.
  await backend.writeSnapshotFrom([["a", {}]], 1);
  take();
  const up = await peak(() => backend.writeSnapshotFrom(records(), 1));
  up.taken = take();
  const down = await peak(async () => {
    let seen = 0;
    for await (const piece of backend.readSnapshot(up.result)) seen += piece.length;
    return seen;
  });
  down.taken = take();
  if (down.result !== count) throw new Error(`${down.result} of ${count} records came back`);
  return { up, down };
}

await installClients();
const server = await startMoto();
try {
  const direct = s3Client(server.endpoint);
  await createBucket(direct, "large");
  const proxy = await startProxy(server.endpoint);
  // NOTE: the proxy holds whole bodies in this process: memory is measured without it, requests with it.
  const memory = await upAndDown(direct);
  const client = s3Client(proxy.endpoint);
  const { up, down } = await upAndDown(client, () => proxy.take());
  const of = ({ count: requests, bytesUp, bytesDown }, { grownMb }) => ({
    requests,
    mb: Math.round((bytesUp + bytesDown) / MB),
    grownMb,
  });
  const printed = { records: count, up: of(up.taken, memory.up), down: of(down.taken, memory.down) };
  console.log(JSON.stringify(printed));
  for (const one of [client, direct]) one.destroy();
  await proxy.stop();
} finally {
  await server.stop();
}
