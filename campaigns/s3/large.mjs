// What a long snapshot needs of memory and requests, on its way up and down, and what a single record of it does:
//   node campaigns/s3/large.mjs [--records 1000000] [--single] [--write]
// With --single only the latter; with --write that into docs/s3/fetch.json, and from it into docs/s3.md.
// The records are made one by one and read one by one, so that what is measured is the backend's.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { origin } from "../../bench/results.mjs";
import { Store } from "../../index.mjs";
import { keepFetched } from "./cost-page.mjs";
import { createBucket, installClients, s3Backend, s3Client } from "./clients.mjs";
import { startMoto } from "./moto.mjs";
import { peak } from "./peak.mjs";
import { startProxy } from "./proxy.mjs";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "1000000" },
    single: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const count = Number(values.records);
const MB = 1 << 20;
const PAD = "x".repeat(120);
const FETCHES = 1000;

function* records() {
  for (let n = 0; n < count; n++) yield [`record-${n}`, { n, kind: n % 7, text: PAD, tags: ["one", "two"] }];
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

/** Where the store of the records is. */
const storeBackend = (client) =>
  s3Backend("s3", { client, bucket: "large", prefix: "store", requestTimeoutMs: 120_000 });

/** A store that holds the records, in a snapshot with an index. Returns their sizes. */
async function fill(client) {
  const backend = await storeBackend(client);
  const store = new Store();
  await store.open("", { backend, checkpointOnClose: false, checkpointThreshold: Infinity });
  // The snapshot has them all: the log is not measured.
  backend.appendOps = async () => {};
  await store.batch(() => {
    for (const [id, value] of records()) store.set(id, value);
  });
  await store.compact();
  const [name] = await backend.listBlobs("index");
  const snapshots = (await backend.listFiles()).filter(({ path }) => path.startsWith("snapshots/"));
  const snapshot = Math.max(...snapshots.map(({ bytes }) => bytes));
  const [index] = (await backend.listFiles()).filter(({ path }) => path === `index/${name}`);
  await store.close();
  return { snapshotBytes: snapshot, indexBytes: index.bytes };
}

/**
 * What a process needs that opens that store and makes a checkpoint, beyond the records. A checkpoint finds memory there that open() has let
 * go of: what it needs in all is nearer to what a snapshot needs on its way up, and the 16 bytes of its index for each record.
 */
async function inItsOwnProcess(endpoint) {
  const program = fileURLToPath(new URL("large-store.mjs", import.meta.url));
  const args = ["--expose-gc", program, endpoint, "large", "store"];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

/** What readers cost: one that loads all, and one that fetches single records. */
async function reading(client, proxy) {
  const calls = [];
  const row = (call, times = 1) => {
    const { requests, bytesUp, bytesDown } = proxy.take();
    const each = Object.fromEntries(Object.entries(requests).map(([kind, sum]) => [kind, sum / times]));
    calls.push({ call, requests: each, bytesUp: bytesUp / times, bytesDown: Math.round(bytesDown / times) });
  };
  const open = async (options) => {
    const backend = await storeBackend(client);
    const store = new Store();
    await store.open("", { backend, readOnly: true, ...options });
    return store;
  };
  const check = async (store, n) => {
    const found = await store.fetch(`record-${n}`);
    if (found?.n !== n) throw new Error(`record-${n} is ${JSON.stringify(found)}`);
  };
  proxy.take();
  const loaded = await open();
  row("open()");
  if (loaded.count() !== count) throw new Error(`${loaded.count()} of ${count} records came back`);
  await loaded.close();
  proxy.take();
  const store = await open({ skipLoad: true });
  row("open() with skipLoad");
  await check(store, 7);
  row("the first fetch()");
  for (let n = 0; n < FETCHES; n++) await check(store, Math.floor((n * count) / FETCHES));
  row("a further fetch()", FETCHES);
  await store.fetch("none");
  row("the first fetch() of an id that is not there");
  await store.fetch("neither");
  row("a further one");
  await store.close();
  return calls;
}

await installClients();
const server = await startMoto();
try {
  const direct = s3Client(server.endpoint);
  await createBucket(direct, "large");
  const proxy = await startProxy(server.endpoint);
  const client = s3Client(proxy.endpoint);
  if (!values.single) {
    // NOTE: the proxy holds whole bodies in this process: memory is measured without it, requests with it.
    const memory = await upAndDown(direct);
    const { up, down } = await upAndDown(client, () => proxy.take());
    const of = ({ count: requests, bytesUp, bytesDown }, { grownMb }) => ({
      requests,
      mb: Math.round((bytesUp + bytesDown) / MB),
      grownMb,
    });
    const printed = { records: count, up: of(up.taken, memory.up), down: of(down.taken, memory.down) };
    console.log(JSON.stringify(printed));
  }
  const filled = await fill(direct);
  console.log(JSON.stringify(filled));
  if (!values.single) console.log(JSON.stringify(await inItsOwnProcess(server.endpoint)));
  const calls = await reading(client, proxy);
  for (const call of calls) console.log(JSON.stringify(call));
  if (values.write) await keepFetched({ ...origin(), records: count, ...filled, calls });
  for (const one of [client, direct]) one.destroy();
  await proxy.stop();
} finally {
  await server.stop();
}
