/**
 * A reader of the long campaign, in a process of its own. It notes each operation that it was told of, and in the end the state that it
 * has arrived at.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Store } from "../../../index.mjs";
import { s3Backend, s3Client } from "../clients.mjs";

const { endpoint, credentials, bucket, ledger } = JSON.parse(process.argv[2]);
let phase = "works";
process.on("message", ({ now }) => (phase = now));
process.on("disconnect", () => process.exit(3));

const client = s3Client(endpoint, credentials);
const backend = await s3Backend("s3", {
  client,
  bucket,
  prefix: "store",
  requestTimeoutMs: 1000,
  attempts: 5,
});
const store = new Store();
const told = new Map();
const twice = [];
let [looks, failures] = [0, 0];

async function patiently(work, attempts) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      failures++;
      if (attempt === attempts) throw error;
      await delay(100);
    }
  }
}

async function look() {
  for (const operation of await store.tail()) {
    const { id, op } = operation;
    const text = JSON.stringify(operation);
    if (told.has(text)) twice.push(text);
    told.set(text, `${op} ${id}`);
  }
  looks++;
}

await patiently(() => store.open("", { backend, readOnly: true }), 200);
// What was there before is not told.
const before = [...store.entries()].map(([id]) => id);
process.send({ opened: true });
while (phase !== "settles") {
  await look().catch(() => failures++);
  await delay(50);
}
await patiently(look, 20);
const sorted = [...store.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
const hash = createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
writeFileSync(ledger, JSON.stringify({ hash, looks, failures, twice, before, told: [...told.values()] }));
await store.close();
client.destroy();
process.exit(0);
