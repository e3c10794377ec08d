// What a store needs beyond its records to open and for a checkpoint. large.mjs starts it, in a process of its own:
//   node --expose-gc campaigns/s3/large-store.mjs ENDPOINT BUCKET PREFIX

import { Store } from "../../index.mjs";
import { s3Backend, s3Client } from "./clients.mjs";
import { peak } from "./peak.mjs";

const [endpoint, bucket, prefix] = process.argv.slice(2);
const client = s3Client(endpoint);
const backend = await s3Backend("s3", { client, bucket, prefix, requestTimeoutMs: 120_000 });
const store = new Store();
const opened = await peak(async () => {
  await store.open("", { backend, checkpointOnClose: false, checkpointThreshold: Infinity });
  globalThis.gc();
});
await store.set("record-0", store.get("record-0"));
const checkpoint = await peak(() => store.compact());
console.log(JSON.stringify({ openOverMb: opened.overMb, checkpointGrownMb: checkpoint.grownMb }));
await store.close();
client.destroy();
