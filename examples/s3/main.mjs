/**
 * An inventory in a bucket: agents on any number of machines count what they ship, and a dashboard follows them.
 *
 *   node examples/s3/main.mjs my-bucket inventory worker-7
 *   AWS_ENDPOINT_URL=http://127.0.0.1:9000 node examples/s3/main.mjs my-bucket inventory worker-8
 */
import { hostname } from "node:os";
import { Store } from "@backloghq/opslog";
import { S3Backend } from "@backloghq/opslog/s3";

const [bucket, prefix = "inventory", agentId = `${hostname()}-${process.pid}`] = process.argv.slice(2);
if (bucket === undefined) {
  console.error("Usage: node examples/s3/main.mjs <bucket> [prefix] [agentId]");
  process.exit(2);
}

const place = { bucket, prefix, config: { forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined } };
const store = new Store();
await store.open("", { backend: new S3Backend(place), agentId });
const dashboard = new Store();
await dashboard.open("", { backend: new S3Backend(place), readOnly: true });

// A hundred writes in flight share one request.
const shipped = Array.from({ length: 100 }, (_, n) =>
  store.set(`${agentId}/parcel-${n}`, { weight: 1 + (n % 7) }),
);
await Promise.all(shipped);
await store.batch(() => {
  store.set(`${agentId}/state`, { shipped: shipped.length });
  store.set("last", { agentId });
});

const news = await dashboard.tail();
console.log(`${news.length} operations since the last look, ${dashboard.count()} records`);
console.log(dashboard.get("last"));

await store.compact();
await store.close();
await dashboard.close();
