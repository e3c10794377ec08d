/**
 * Opens a store in a bucket that may have been written by another version of opslog, works on it if it is told to
 * (`WORK`, a word that ends up in the records), and tells all that is in it.
 */
import { Store } from "@backloghq/opslog";
import { S3Backend } from "@backloghq/opslog-s3";
import { newBucket, onBucket } from "./bucket.mjs";
import { check } from "./harness.mjs";

const [bucket, isNew] = process.argv.slice(2);

async function open(options) {
  const store = new Store();
  await store.open("ignored", {
    backend: new S3Backend(onBucket(bucket)),
    checkpointOnClose: false,
    ...options,
  });
  return store;
}

async function work(word) {
  const store = await open();
  for (let n = 0; n < 4; n++) await store.set(`${word}-${n}`, { n, text: "\u2028ü\n", [word]: true });
  await store.set("shared", { last: word, text: "x".repeat(300) });
  await store.batch(() => {
    store.set("__proto__", { by: word });
    store.delete(`${word}-1`);
  });
  await store.set("undone", {});
  await store.undo();
  await store.archive((_, id) => id === `${word}-0`, "2024-Q1");
  await store.set("shared", { last: `${word} again`, text: "x".repeat(300) });
  await store.close();
}

async function describe() {
  const store = await open({ readOnly: true });
  const found = {
    entries: store.entries(),
    operations: store.getOps(),
    archived: [...(await store.loadArchive("2024-Q1"))],
    stats: store.stats(),
  };
  await store.close();
  return found;
}

check("bucket", async () => {
  if (isNew) await newBucket(bucket);
  if (process.env.WORK !== undefined) await work(process.env.WORK);
  return describe();
});
