"use strict";

// The carrier of a store in memory: open(":memory:"). What a store writes is kept as text, as in a file, and is gone with the
// store. Each store has a memory of its own.

const { Buffer } = require("../platform/builtins").buffer;
const { randomUUID } = require("../platform/builtins").crypto;

/** Names of snapshots begin with it, in this process and in no other one. */
const PREFIX = `snapshots/snap-${randomUUID().slice(0, 8)}`;
let stores = 0;

const textsOf = (records) => [...records].map(([id, value]) => [id, JSON.stringify(value)]);

function recordsOf(texts) {
  return new Map(texts.map(([id, text]) => [id, text === undefined ? undefined : JSON.parse(text)]));
}

/** What an operation has in a log: its JSON and a newline. */
const lineBytes = (operation) => Buffer.byteLength(JSON.stringify(operation)) + 1;

class MemoryBackend {
  #manifest = null;
  #files = new Map();
  #names = 0;
  /** A position names a snapshot, which is to be that of no other store. */
  #snapshotPrefix = `${PREFIX}-${(stores += 1)}`;
  /** The one that the manifest names. */
  #snapshot = null;

  initialize() {}
  shutdown() {}

  readManifest() {
    return this.#manifest === null ? null : JSON.parse(this.#manifest);
  }

  writeManifest(manifest) {
    this.#manifest = JSON.stringify(manifest);
    this.#dropSuperseded(manifest);
  }

  writeSnapshot(records, version) {
    return this.#create(this.#snapshotPrefix, { version, texts: textsOf(records) });
  }

  loadSnapshot(path) {
    const { version, texts } = this.#files.get(path);
    return { version, records: recordsOf(texts) };
  }

  createOpsFile() {
    return this.#create("ops/ops", []);
  }

  createAgentOpsFile(agentId) {
    return this.#create(`ops/agent-${agentId}`, []);
  }

  appendOps(path, operations) {
    this.#files.get(path).push(...operations);
  }

  readOps(path) {
    return this.#files.get(path) ?? [];
  }

  truncateLastOp(path) {
    return this.#files.get(path)?.pop() !== undefined;
  }

  deleteOpsFile(path) {
    const operations = this.#files.get(path);
    this.#files.delete(path);
    return operations?.reduce((bytes, operation) => bytes + lineBytes(operation), 0);
  }

  writeBlob(path, content) {
    this.#files.set(path, content);
  }

  readBlob(path) {
    return this.#files.get(path);
  }

  deleteBlob(path) {
    this.#files.delete(path);
  }

  writeArchiveSegment(period, records) {
    const path = `archive/archive-${period}.json`;
    const texts = new Map([...(this.#files.get(path) ?? []), ...textsOf(records)]);
    this.#files.set(path, [...texts]);
    return path;
  }

  loadArchiveSegment(path) {
    return recordsOf(this.#files.get(path));
  }

  #create(prefix, content) {
    const path = `${prefix}-${++this.#names}`;
    this.#files.set(path, content);
    return path;
  }

  /** No reader is left behind that could still need another snapshot. */
  #dropSuperseded({ currentSnapshot }) {
    if (this.#snapshot !== currentSnapshot) this.#files.delete(this.#snapshot);
    this.#snapshot = currentSnapshot;
  }
}

module.exports = { MemoryBackend };
