/** What the tests of S3 need: a server (moto), a proxy before it, and stores in buckets of their own. */
import test from "ava";
import { Store } from "../../index.mjs";
import { createBucket, installClients, s3Backend, s3Client } from "../../campaigns/s3/clients.mjs";
import { hasPython, startMoto } from "../../campaigns/s3/moto.mjs";
import { startProxy } from "../../campaigns/s3/proxy.mjs";

const canRun = await hasPython();
if (!canRun)
  console.error("SKIPPED: the tests of S3 need moto, a server from PyPI, and so python3, which is not here");

/** A test that needs the server; skipped where it cannot be had. */
export const s3Test = canRun ? test.serial : test.skip;
export const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

let server;
if (canRun) {
  test.before("the server runs and the clients are installed", async (t) => {
    t.timeout(600_000);
    await installClients();
    server = await startMoto();
  });
  test.after.always(() => server?.stop());
}

/** Where the server is. */
export const endpointOf = () => server.endpoint;

let buckets = 0;

/** A new bucket behind a proxy of its own. `open()` opens a store in it, with a backend and a client of its own. */
export async function newWorld(t, proxyOptions = {}, backendOptions = {}) {
  const bucket = `bucket-${process.pid}-${++buckets}`;
  const direct = s3Client(server.endpoint);
  await createBucket(direct, bucket);
  direct.destroy();
  const proxy = await startProxy(server.endpoint, proxyOptions);
  t.teardown(() => proxy.stop());
  const backend = async (more = {}) => {
    const client = s3Client(proxy.endpoint);
    t.teardown(() => client.destroy());
    return s3Backend("s3", { client, bucket, prefix: "store", ...backendOptions, ...more });
  };
  const open = async (storeOptions = {}, more = {}) => {
    const store = new Store();
    await store.open("", { backend: await backend(more), ...manual, ...storeOptions });
    return store;
  };
  return { backend, bucket, open, proxy, endpoint: server.endpoint };
}
