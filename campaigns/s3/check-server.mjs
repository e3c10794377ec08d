/** What a server does with the requests that S3Backend relies on, and whether open() takes it. */
import { Store } from "../../index.mjs";
import { createBucket, requireInstalled, s3Backend, s3Client } from "./clients.mjs";

const AT_ONCE = 16;
const ROUNDS = 8;
const LARGE_BYTES = 6 << 20;

/** The requests of one client to one bucket. Each put resolves to its ETag, or to why it was refused. */
class Bucket {
  constructor(client, bucket) {
    Object.assign(this, { client, bucket, sdk: requireInstalled("@aws-sdk/client-s3") });
  }

  send(name, input) {
    return this.client.send(new this.sdk[`${name}Command`]({ Bucket: this.bucket, ...input }));
  }

  async put(key, body, condition = {}) {
    return this.send("PutObject", { Key: key, Body: body, ...condition }).then(
      ({ ETag: etag }) => ({ etag }),
      (error) => ({ refused: error.$metadata?.httpStatusCode ?? error.name }),
    );
  }

  async get(key, range) {
    const answer = await this.send("GetObject", { Key: key, Range: range });
    return Buffer.from(await answer.Body.transformToByteArray());
  }

  async keys(prefix) {
    const { Contents: contents = [] } = await this.send("ListObjectsV2", { Prefix: prefix });
    return contents.map(({ Key: key }) => key);
  }
}

const shown = ({ etag, refused }) => (etag === undefined ? String(refused) : "200");

/** Conditions one at a time: what each put is answered with. */
async function conditions(bucket) {
  const created = shown(await bucket.put("one", "1", { IfNoneMatch: "*" }));
  const again = shown(await bucket.put("one", "2", { IfNoneMatch: "*" }));
  const { etag } = await bucket.put("two", "1");
  const wrong = shown(await bucket.put("two", "2", { IfMatch: '"00000000000000000000000000000000"' }));
  const right = shown(await bucket.put("two", "3", { IfMatch: etag }));
  return { created, again, wrong, right };
}

/** The most puts of which one condition let through, of 16 at once on one key, in several rounds. */
async function atOnce(bucket, prefix, conditionFor) {
  let most = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const key = `${prefix}${round}`;
    const condition = await conditionFor(key);
    const puts = Array.from({ length: AT_ONCE }, (_, n) => bucket.put(key, `from ${n}`, condition));
    const written = (await Promise.all(puts)).filter(({ etag }) => etag !== undefined);
    most = Math.max(most, written.length);
  }
  return most;
}

/** Whether each object shows in GET and LIST as soon as its PUT is answered. */
async function readAfterWrite(bucket) {
  const missing = { get: 0, list: 0 };
  for (let n = 0; n < 20; n++) {
    const [key, body] = [`folder/${n}`, `content ${n}`];
    await bucket.put(key, body);
    if ((await bucket.get(key)).toString() !== body) missing.get++;
    if (!(await bucket.keys("folder/")).includes(key)) missing.list++;
  }
  await bucket.put("folder/0", "new");
  if ((await bucket.get("folder/0")).toString() !== "new") missing.get++;
  return missing.get + missing.list === 0 ? "yes" : `no: GET ${missing.get}, LIST ${missing.list} of 20`;
}

/** An upload in two parts, and a range of it. */
async function large(bucket) {
  const bytes = Buffer.alloc(LARGE_BYTES, "0123456789");
  const { UploadId } = await bucket.send("CreateMultipartUpload", { Key: "large" });
  const parts = [];
  for (const [n, part] of [bytes.subarray(0, 5 << 20), bytes.subarray(5 << 20)].entries()) {
    const input = { Key: "large", UploadId, PartNumber: n + 1, Body: part };
    const { ETag } = await bucket.send("UploadPart", input);
    parts.push({ PartNumber: n + 1, ETag });
  }
  await bucket.send("CompleteMultipartUpload", { Key: "large", UploadId, MultipartUpload: { Parts: parts } });
  const range = await bucket.get("large", `bytes=${(5 << 20) - 5}-${(5 << 20) + 4}`);
  return range.equals(bytes.subarray((5 << 20) - 5, (5 << 20) + 5)) ? "yes" : "wrong range";
}

/** Opens a new store, writes, and reads it back: "works", or the code of what it rejects with. */
async function opened({ client, bucket }, agentId) {
  const options = { client, bucket, prefix: `store-${agentId}` };
  const store = new Store();
  try {
    await store.open("", { backend: await s3Backend("s3", options), agentId });
    await store.set("a", { n: 1 });
    await store.close();
    const reader = new Store();
    await reader.open("", { backend: await s3Backend("s3", options), readOnly: true });
    const found = reader.get("a")?.n;
    await reader.close();
    return found === 1 ? "works" : "loses a write";
  } catch (error) {
    await store.close().catch(() => {});
    return { code: error.code ?? error.name, message: error.message };
  }
}

const orFailure = (work) =>
  work.catch((error) => `no: ${error.name} ${error.$metadata?.httpStatusCode ?? ""}`);

/** Runs all checks. */
export async function checkServer({ endpoint, credentials }) {
  const client = s3Client(endpoint, credentials);
  const name = `check-${process.pid}-${Date.now()}`;
  try {
    await createBucket(client, name);
    const bucket = new Bucket(client, name);
    const ifMatch = async (key) => ({ IfMatch: (await bucket.put(key, "first")).etag });
    return {
      conditions: await conditions(bucket),
      created: await atOnce(bucket, "create", () => ({ IfNoneMatch: "*" })),
      replaced: await atOnce(bucket, "replace", ifMatch),
      readAfterWrite: await orFailure(readAfterWrite(bucket)),
      large: await orFailure(large(bucket)),
      single: await opened(bucket, undefined),
      agent: await opened(bucket, "one"),
    };
  } finally {
    client.destroy();
  }
}
