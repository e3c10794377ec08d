/**
 * A storage backend over Amazon S3, or a server that speaks its language and honours conditional writes. It
 * implements the optional `writeManifestIf()`, with which any number of agents write to one store and lose
 * nothing. Copy it, and change what your bucket needs.
 *
 * Keys below `prefix`: `manifest.json`; `snapshots/`; `ops/<log>/<number>.jsonl`, one object per append;
 * `archive/`; `.lock` and `.compact-lock`. No object but these last, the manifest and the archive segments is
 * ever written twice.
 */
import { randomUUID } from "node:crypto";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { validateArchiveSegment, validateManifest, validateOp } from "@backloghq/opslog";

const PARALLEL_READS = 16;
const NUMBER_DIGITS = 12;
const CONFLICT_ATTEMPTS = 20;

const status = (error) => error?.$metadata?.httpStatusCode;
const isMissing = (error) => status(error) === 404;
/** The condition of a write did not hold, or another write came in between; nothing was written. */
const isConflict = (error) => status(error) === 412 || status(error) === 409;

/** Runs `work` over the items, some at a time, and keeps the order. */
async function inParallel(items, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_READS, items.length) }, worker));
  return results;
}

/** The lines of a body, one by one: a snapshot may be larger than a string can be. */
async function* linesOf(body) {
  let rest = [];
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)]).toString();
      rest = [];
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest).toString();
}

/** A body of lines, built in pieces for the same reason. */
function bodyOf(lines) {
  const pieces = [];
  let text = "";
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length > 1 << 20) {
      pieces.push(Buffer.from(text));
      text = "";
    }
  }
  return Buffer.concat([...pieces, Buffer.from(text)]);
}

export class S3Backend {
  #client;
  #bucket;
  #prefix;
  #lockTtlMs;
  /** Operations by key and ETag. */
  #read = new Map();
  /** The number of the next object, by log. */
  #next = new Map();
  /** Whether the server wants ETags without quotes, once that is known. */
  #isBare;

  /**
   * @param {object} options
   * @param {import("@aws-sdk/client-s3").S3Client} options.client Stays the caller's: it is not destroyed here.
   * @param {string} options.bucket
   * @param {string} [options.prefix] One store per prefix.
   * @param {number} [options.lockTtlMs] How long a lock outlives its holder (default: 60000). A living holder
   *   renews it. Clocks of writers may differ by less than this.
   */
  constructor({ client, bucket, prefix = "", lockTtlMs = 60_000 }) {
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix.replace(/\/+$/, "");
    this.#lockTtlMs = lockTtlMs;
  }

  async initialize() {
    // A bucket has no folders to create.
  }

  async shutdown() {
    this.#read.clear();
    this.#next.clear();
  }

  // Manifest

  async readManifest() {
    const found = await this.#get("manifest.json");
    return found === null ? null : validateManifest(JSON.parse(found.text));
  }

  async writeManifest(manifest) {
    await this.#put("manifest.json", JSON.stringify(manifest, null, 2));
  }

  async getManifestVersion() {
    return this.#etag("manifest.json");
  }

  async writeManifestIf(manifest, version) {
    const condition = version === null ? { IfNoneMatch: "*" } : { IfMatch: version };
    try {
      return await this.#put("manifest.json", JSON.stringify(manifest, null, 2), condition);
    } catch (error) {
      if (isConflict(error) || isMissing(error)) return null;
      throw error;
    }
  }

  // Snapshots

  async writeSnapshot(records, version) {
    const path = `snapshots/snap-${Date.now()}-${randomUUID()}.jsonl`;
    const lines = function* () {
      yield JSON.stringify({ version, timestamp: new Date().toISOString() });
      for (const [id, data] of records) yield JSON.stringify({ id, data });
    };
    await this.#put(path, bodyOf(lines()));
    return path;
  }

  async loadSnapshot(relativePath) {
    const { Body: body } = await this.#send(GetObjectCommand, relativePath);
    const records = new Map();
    let version;
    for await (const line of linesOf(body)) {
      const entry = JSON.parse(line);
      if (version === undefined) version = entry.version;
      else records.set(entry.id, entry.data);
    }
    return { records, version };
  }

  // Logs

  async appendOps(relativePath, operations) {
    const body = bodyOf(operations.map((operation) => JSON.stringify(operation)));
    for (;;) {
      const number = this.#next.get(relativePath) ?? (await this.#firstFree(relativePath));
      const path = `${relativePath}/${String(number).padStart(NUMBER_DIGITS, "0")}.jsonl`;
      try {
        await this.#put(path, body, { IfNoneMatch: "*" });
        this.#next.set(relativePath, number + 1);
        return;
      } catch (error) {
        this.#next.delete(relativePath);
        if (!isConflict(error)) throw error;
      }
      // Taken: by this very append, whose first answer did not arrive, or by one that was given up.
      if ((await this.#get(path))?.text === body.toString()) return;
    }
  }

  async readOps(relativePath) {
    const parts = await this.#list(`${relativePath}/`);
    const operations = await inParallel(parts, async ({ path, etag }) => {
      const known = this.#read.get(path);
      if (known?.etag === etag) return known.operations;
      const found = await this.#get(path);
      const read = found === null ? [] : this.#parse(found.text);
      this.#read.set(path, { etag: found?.etag, operations: read });
      return read;
    });
    return operations.flat();
  }

  async truncateLastOp(relativePath) {
    const last = (await this.#list(`${relativePath}/`)).at(-1);
    const found = last && (await this.#get(last.path));
    if (!found) return false;
    const kept = found.text.split("\n").filter(Boolean).slice(0, -1);
    if (kept.length > 0) await this.#put(last.path, bodyOf(kept));
    else await this.#delete(last.path);
    this.#next.delete(relativePath);
    return true;
  }

  /** A log is a prefix: nothing needs to be created. */
  async createOpsFile() {
    return `ops/ops-${Date.now()}-${randomUUID()}`;
  }

  async createAgentOpsFile(agentId) {
    return `ops/agent-${encodeURIComponent(agentId)}-${Date.now()}-${randomUUID()}`;
  }

  async listOpsFiles() {
    const parts = await this.#list("ops/");
    return [...new Set(parts.map(({ path }) => path.slice(0, path.lastIndexOf("/"))))];
  }

  // What was answered is durable.
  async sync() {}

  // Archive

  async writeArchiveSegment(period, records) {
    const path = `archive/archive-${period}.json`;
    for (let attempt = 0; attempt < CONFLICT_ATTEMPTS; attempt++) {
      const found = await this.#get(path);
      const before = found === null ? {} : validateArchiveSegment(JSON.parse(found.text)).records;
      const merged = Object.fromEntries([...Object.entries(before), ...records]);
      const segment = { version: 1, period, timestamp: new Date().toISOString(), records: merged };
      const condition = found === null ? { IfNoneMatch: "*" } : { IfMatch: found.etag };
      try {
        await this.#put(path, JSON.stringify(segment, null, 2), condition);
        return path;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    throw new Error(`The archive segment ${path} changes too fast`);
  }

  async loadArchiveSegment(relativePath) {
    const { Body: body } = await this.#send(GetObjectCommand, relativePath);
    const segment = validateArchiveSegment(JSON.parse(await body.transformToString()));
    return new Map(Object.entries(segment.records));
  }

  async listArchiveSegments() {
    return (await this.#list("archive/")).map(({ path }) => path);
  }

  // Locks

  async acquireLock() {
    return this.#acquire(".lock");
  }

  async releaseLock(handle) {
    await this.#release(handle);
  }

  async acquireCompactionLock() {
    return this.#acquire(".compact-lock");
  }

  async releaseCompactionLock(handle) {
    await this.#release(handle);
  }

  // Blobs

  async writeBlob(relativePath, content) {
    await this.#put(relativePath, content);
  }

  async readBlob(relativePath) {
    const { Body: body } = await this.#send(GetObjectCommand, relativePath);
    return Buffer.from(await body.transformToByteArray());
  }

  async readBlobRange(relativePath, offset, length) {
    if (length === 0) return Buffer.alloc(0);
    const range = { Range: `bytes=${offset}-${offset + length - 1}` };
    const { Body: body } = await this.#send(GetObjectCommand, relativePath, range);
    return Buffer.from(await body.transformToByteArray());
  }

  async listBlobs(prefix) {
    const names = (await this.#list(`${prefix}/`)).map(({ path }) => path.slice(prefix.length + 1));
    return names.filter((name) => !name.includes("/"));
  }

  async deleteBlob(relativePath) {
    await this.#delete(relativePath);
  }

  async deleteBlobDir(prefix) {
    await inParallel(await this.#list(`${prefix}/`), ({ path }) => this.#delete(path));
  }

  // Requests

  #key(relativePath) {
    return this.#prefix === "" ? relativePath : `${this.#prefix}/${relativePath}`;
  }

  #send(Command, relativePath, more = {}) {
    const input = { Bucket: this.#bucket, Key: this.#key(relativePath), ...more };
    return this.#client.send(new Command(input));
  }

  /** Writes an object and returns its ETag. */
  async #put(relativePath, body, condition = {}) {
    const put = async (fields) =>
      (await this.#send(PutObjectCommand, relativePath, { Body: body, ...fields })).ETag;
    if (condition.IfMatch === undefined || this.#isBare === false) return put(condition);
    // Ceph's gateway matches the ETag without the quotes that it gave it in; the first success settles it.
    const bare = { IfMatch: condition.IfMatch.replace(/^"(.*)"$/, "$1") };
    if (this.#isBare) return put(bare);
    try {
      const etag = await put(condition);
      this.#isBare = false;
      return etag;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
    const etag = await put(bare);
    this.#isBare = true;
    return etag;
  }

  async #get(relativePath) {
    try {
      const { Body: body, ETag: etag } = await this.#send(GetObjectCommand, relativePath);
      return { text: await body.transformToString(), etag };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async #etag(relativePath) {
    try {
      return (await this.#send(HeadObjectCommand, relativePath)).ETag;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async #delete(relativePath) {
    await this.#send(DeleteObjectCommand, relativePath);
  }

  /** The objects below a prefix, in order of their keys. */
  async #list(prefix) {
    const found = [];
    let token;
    do {
      const input = { Bucket: this.#bucket, Prefix: this.#key(prefix), ContinuationToken: token };
      const page = await this.#client.send(new ListObjectsV2Command(input));
      for (const { Key: key, ETag: etag } of page.Contents ?? []) {
        found.push({ path: key.slice(this.#key("").length), etag });
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
    return found.sort((one, other) => (one.path < other.path ? -1 : 1));
  }

  async #firstFree(relativePath) {
    const last = (await this.#list(`${relativePath}/`)).at(-1);
    return last === undefined ? 1 : Number.parseInt(last.path.slice(relativePath.length + 1), 10) + 1;
  }

  #parse(text) {
    const lines = text.split("\n").filter(Boolean);
    return lines.map((line) => validateOp(JSON.parse(line)));
  }

  /** Creates the lock's object, or takes over, in one step, one whose holder renews it no more. */
  async #acquire(path) {
    const owner = randomUUID();
    const body = () => JSON.stringify({ owner, expires: Date.now() + this.#lockTtlMs });
    let condition = { IfNoneMatch: "*" };
    const found = await this.#get(path);
    if (found !== null) {
      if (JSON.parse(found.text).expires > Date.now()) throw this.#held(path);
      condition = { IfMatch: found.etag };
    }
    try {
      const handle = { path, owner, etag: await this.#put(path, body(), condition), renewing: null };
      handle.timer = setInterval(() => {
        handle.renewing ??= this.#put(path, body(), { IfMatch: handle.etag })
          .then((etag) => (handle.etag = etag))
          .catch((error) => isConflict(error) && clearInterval(handle.timer))
          .finally(() => (handle.renewing = null));
      }, this.#lockTtlMs / 3);
      handle.timer.unref();
      return handle;
    } catch (error) {
      if (isConflict(error) || isMissing(error)) throw this.#held(path);
      throw error;
    }
  }

  async #release(handle) {
    clearInterval(handle.timer);
    await handle.renewing;
    const found = await this.#get(handle.path);
    if (found !== null && JSON.parse(found.text).owner === handle.owner) await this.#delete(handle.path);
  }

  #held(path) {
    const message = `Store is locked by another writer. Lock key: ${this.#key(path)}`;
    return Object.assign(new Error(message), { code: "OPSLOG_LOCKED" });
  }
}
