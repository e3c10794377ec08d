"use strict";

// The storage backend over S3: each method is a step that the engine asks for. No rule of the protocols stands here.

const { now } = require("../arguments/values");
const { Buffer } = require("../platform/builtins").buffer;
const { validateManifest } = require("../operations/validate");
const { Archives, missing } = require("./archives");
const { Changes } = require("./changes");
const { holdContest } = require("./contest");
const { isBeyondEnd } = require("./faults");
const { LargeObjects } = require("./large-objects");
const { bodyOf, operationsOf } = require("./lines");
const { Locks } = require("./locks");
const { LogCache } = require("./log-cache");
const { LogReader } = require("./log-reader");
const { LogWriter } = require("./log-writer");
const { INDEXES, MANIFEST, newAgentLog, newLog } = require("./names");
const { Objects } = require("./objects");
const { checked } = require("./options");
const { Requests } = require("./requests");
const { RollUps } = require("./roll-ups");
const { S3Client } = require("./sdk");
const { Snapshots } = require("./snapshots");
const { Sweep } = require("./sweep");

const print = (manifest) => Buffer.from(JSON.stringify(manifest, null, 2));

class S3Backend {
  #options;
  /** How many stores use it. */
  #users = 0;
  #client;
  #requests;
  #objects;
  #cache;
  #reader;
  #writer;
  #rollUps;
  #large;
  #snapshots;
  #archives;
  #locks;
  #changes;
  #sweep;
  /** What the manifest named that was read or written last. */
  #logs = [];
  #snapshot;
  /** There was no manifest when it was read last, and the server was not tried yet. */
  #isUntried = false;

  constructor(options) {
    this.#options = checked(options);
    this.#connect();
  }

  /** The operations of one append become visible together: calls in flight share one. */
  get appendsAreWhole() {
    return true;
  }

  async initialize() {
    if (this.#requests === null) this.#connect();
    this.#users++;
  }

  #connect() {
    const { bucket, prefix, client, config, requestTimeoutMs, attempts, signal } = this.#options;
    this.#client = client ?? new S3Client(config ?? {});
    this.#requests = new Requests({ client: this.#client, bucket, requestTimeoutMs, attempts, signal });
    const objects = new Objects(this.#requests, prefix);
    const cache = new LogCache(this.#options.cacheBytes);
    this.#objects = objects;
    this.#cache = cache;
    this.#rollUps = new RollUps(objects);
    this.#reader = new LogReader(objects, cache);
    this.#writer = new LogWriter({ objects, cache, reader: this.#reader, rollUps: this.#rollUps });
    const large = new LargeObjects(this.#requests, objects);
    this.#large = large;
    this.#snapshots = new Snapshots(large);
    this.#archives = new Archives(objects);
    this.#locks = new Locks(objects, this.#options.lockTtlMs);
    this.#changes = new Changes(objects, cache);
    this.#sweep = new Sweep(objects, large, this.#options.graceMs);
  }

  async shutdown() {
    if (this.#users === 0 || --this.#users > 0) return;
    await this.#rollUps.settled();
    await this.#sweep.settled();
    this.#requests.end();
    this.#requests = null;
    if (this.#options.client === undefined) this.#client.destroy();
    this.#cache.clear();
  }

  // Manifest

  async readManifest() {
    const found = await this.#objects.get(MANIFEST);
    this.#isUntried = found === null;
    if (found === null) return null;
    const manifest = validateManifest(JSON.parse(found.body.toString()));
    this.#named(manifest);
    return manifest;
  }

  async writeManifest(manifest) {
    await this.#objects.put(MANIFEST, print(manifest));
    this.#named(manifest);
  }

  async getManifestVersion() {
    return this.#objects.head(MANIFEST);
  }

  async writeManifestIf(manifest, version) {
    const etag = await (version === null
      ? this.#objects.create(MANIFEST, print(manifest))
      : this.#objects.replace(MANIFEST, print(manifest), version));
    if (etag !== null) {
      const isCheckpoint = this.#snapshot !== undefined && this.#snapshot !== manifest.currentSnapshot;
      this.#named(manifest);
      if (isCheckpoint) this.#sweep.published(now());
    }
    return etag;
  }

  async changeToken() {
    return this.#changes.token(this.#logs);
  }

  #named({ activeOps, activeAgentOps = {}, currentSnapshot }) {
    this.#logs = [...new Set([activeOps, ...Object.values(activeAgentOps)])];
    this.#snapshot = currentSnapshot;
  }

  // Snapshots and archive

  async writeSnapshot(records, version) {
    return this.#snapshots.write(records, version);
  }

  async loadSnapshot(relativePath) {
    return this.#snapshots.load(relativePath);
  }

  /** As `writeSnapshot()`, of records that are taken one by one. A subclass may have a way of its own to write them. */
  async writeSnapshotFrom(records, version, onBytes) {
    const { writeSnapshot } = S3Backend.prototype;
    if (this.writeSnapshot !== writeSnapshot) return this.writeSnapshot(new Map(records), version);
    return this.#snapshots.write(records, version, onBytes);
  }

  /** As `loadSnapshot()`, in pieces. */
  async *readSnapshot(relativePath) {
    if (this.loadSnapshot === S3Backend.prototype.loadSnapshot)
      return yield* this.#snapshots.read(relativePath);
    const { records, version } = await this.loadSnapshot(relativePath);
    yield [...records];
    return version;
  }

  async writeArchiveSegment(period, records) {
    return this.#archives.add(period, records);
  }

  async loadArchiveSegment(relativePath) {
    return this.#archives.load(relativePath);
  }

  async listArchiveSegments() {
    return (await this.#objects.list("archive/")).map(({ path }) => path);
  }

  // Logs

  async appendOps(relativePath, operations) {
    await this.#writer.append(relativePath, operations);
  }

  async readOps(relativePath) {
    const { bodies } = await this.#reader.read(relativePath);
    return bodies.flatMap((body) => operationsOf(body, relativePath));
  }

  /** As `readOps()`, as lines. A subclass may have a way of its own to read operations. */
  async readOpsLines(relativePath) {
    if (this.readOps === S3Backend.prototype.readOps) return (await this.#reader.read(relativePath)).bodies;
    return [bodyOf((await this.readOps(relativePath)).map((operation) => JSON.stringify(operation)))];
  }

  async truncateLastOp(relativePath) {
    return this.#writer.cut(relativePath);
  }

  async closeOpsFile(relativePath) {
    await this.#writer.close(relativePath);
  }

  async createOpsFile() {
    return this.#created(newLog());
  }

  async createAgentOpsFile(agentId) {
    return this.#created(newAgentLog(agentId));
  }

  async #created(log) {
    if (this.#isUntried) {
      await holdContest(this.#objects);
      this.#isUntried = false;
    }
    this.#writer.begin(log);
    return log;
  }

  async listOpsFiles() {
    const paths = (await this.#objects.list("ops/")).map(({ path }) => path);
    // A log of old versions of opslog-s3 is one object.
    const logs = paths.map((path) =>
      path.includes("/", "ops/".length) ? path.slice(0, path.lastIndexOf("/")) : path,
    );
    return [...new Set(logs)];
  }

  async deleteOpsFile(relativePath) {
    const bytes = await this.#sweep.deleteLog(relativePath);
    this.#cache.forget(relativePath);
    return bytes;
  }

  async deleteSnapshot(relativePath) {
    return this.#sweep.deleteSnapshot(relativePath);
  }

  async listFiles() {
    return (await this.#objects.list("")).map(({ path, size: bytes }) => ({ path, bytes }));
  }

  /** What was answered is durable. */
  async sync() {}

  // Locks

  async acquireLock() {
    return this.#locks.acquire(".lock");
  }

  async releaseLock(handle) {
    await this.#locks.release(handle);
  }

  async acquireCompactionLock() {
    return this.#locks.acquire(".compact-lock");
  }

  async releaseCompactionLock(handle) {
    await this.#locks.release(handle);
  }

  // Blobs

  async writeBlob(relativePath, content) {
    // An index may be long, and its name is new.
    if (relativePath.startsWith(INDEXES)) await this.#large.write(relativePath, [content]);
    else await this.#objects.put(relativePath, content);
  }

  /** As `writeBlob()`, in pieces, under a name that is new. A subclass may have a way of its own to write blobs. */
  async writeBlobFrom(relativePath, pieces) {
    if (this.writeBlob === S3Backend.prototype.writeBlob) return this.#large.write(relativePath, pieces);
    return this.writeBlob(relativePath, Buffer.concat(Array.from(pieces, (piece) => Buffer.from(piece))));
  }

  async readBlob(relativePath) {
    return this.#blob(relativePath);
  }

  async readBlobRange(relativePath, offset, length) {
    if (length === 0) return Buffer.alloc(0);
    try {
      return await this.#blob(relativePath, { Range: `bytes=${offset}-${offset + length - 1}` });
    } catch (error) {
      if (isBeyondEnd(error)) return Buffer.alloc(0);
      throw error;
    }
  }

  async #blob(path, range) {
    const found = await this.#objects.get(path, range);
    if (found === null) throw missing(path);
    return found.body;
  }

  async listBlobs(prefix) {
    const names = (await this.#objects.list(`${prefix}/`)).map(({ path }) => path.slice(prefix.length + 1));
    return names.filter((name) => !name.includes("/"));
  }

  async deleteBlob(relativePath) {
    await this.#objects.delete(relativePath);
  }

  async deleteBlobDir(prefix) {
    const items = await this.#objects.list(`${prefix}/`);
    await this.#objects.deleteAll(items.map(({ path }) => path));
  }
}

module.exports = { S3Backend };
