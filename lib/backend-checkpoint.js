"use strict";

// Checkpoints of a store that a backend keeps: alone, or as a compaction among many writers; with them, archives.

const compaction = require("./backend-compaction");
const { highestClock, readOperations } = require("./backend-loader");
const { checkpointed } = require("./backend-manifest");

const COMPACTION_ATTEMPTS = 5;
const ARCHIVE_WAIT_MS = 500;
const TAKEOVER_WAIT_MS = 10_000;

class BackendCheckpoint {
  #backend;
  #access;
  #known;
  #state;
  #records;
  #meter;
  #agentId;

  /** `known` is what the store knows of the manifest, `meter` is told how far a checkpoint has come. */
  constructor(backend, { access, known, state, records, meter, agentId }) {
    this.#backend = backend;
    this.#access = access;
    this.#known = known;
    this.#state = state;
    this.#records = records;
    this.#meter = meter;
    this.#agentId = agentId;
  }

  /**
   * Makes a checkpoint without the records that go to `archive`, if that is not `null`. Returns whether it could:
   * another writer may hold the lock for longer than `waitMs`, or overtake this one.
   */
  make(archive, waitMs = 0) {
    const isShared = this.#known.agent !== null || this.#known.manifest.activeAgentOps !== undefined;
    return isShared ? this.#compact(archive, waitMs) : this.#alone(archive);
  }

  /** Adds records to an archive segment. Returns where, which, and how many were not in it before. */
  async writeArchive(archive, { archiveSegments }) {
    if (archive === null) return null;
    const ids = archive.ids.filter((id) => this.#records.has(id));
    const archived = new Map(ids.map((id) => [id, this.#records.get(id)]));
    const before = archiveSegments.find((segment) => segment.endsWith(`archive-${archive.period}.json`));
    const known = before === undefined ? new Map() : await this.#backend.loadArchiveSegment(before);
    this.#meter.begin("archive", archived.size);
    const path = await this.#backend.writeArchiveSegment(archive.period, archived);
    this.#meter.end();
    return { ids, path, added: ids.filter((id) => !known.has(id)).length };
  }

  async #alone(archive) {
    const version = this.#state.oneVersion(this.#known.manifest);
    const archived = await this.writeArchive(archive, this.#known.manifest);
    const records = this.#recordsWithout(archived);
    const details = { records, version, newest: this.#known.newest, archived };
    this.#meter.begin("write-snapshot", records.size);
    const manifest = await checkpointed(this.#backend, this.#known.manifest, details);
    this.#meter.end();
    this.#known.take(await this.#access.replaceAlone(this.#known.last, manifest));
    this.#state.checkpointed(manifest.currentSnapshot, version, archived?.ids ?? []);
    return true;
  }

  async #compact(archive, waitMs) {
    if (this.#known.agent === null) waitMs = TAKEOVER_WAIT_MS;
    if (archive !== null) waitMs = ARCHIVE_WAIT_MS;
    const canLock = typeof this.#backend.acquireCompactionLock === "function";
    const lock = canLock ? await this.#access.lock(waitMs) : null;
    if (canLock && lock === null) return false;
    try {
      for (let attempt = 0; attempt < COMPACTION_ATTEMPTS; attempt++) {
        if (await this.#compactOnce(archive)) return true;
      }
      return false;
    } finally {
      await this.#access.unlock(lock);
    }
  }

  async #compactOnce(archive) {
    const clock = highestClock(await readOperations(this.#backend, this.#known.manifest));
    const known = await compaction.seal(this.#backend, this.#access, { agentId: this.#agentId, clock });
    this.#known.take(known);
    const { manifest } = known;
    const sealed = await compaction.readSealed(this.#backend, manifest);
    await this.#state.apply(manifest, sealed.entries);
    const before = this.#state.snapshotVersion(manifest);
    const version = this.#state.oneVersion(manifest);
    const archived = await this.writeArchive(archive, manifest);
    const records = this.#recordsWithout(archived);
    const versions = { before, version, empty: this.#known.agent?.emptyLog };
    const details = { manifest, sealed, records, versions, agentId: this.#agentId, archived };
    this.#meter.begin("write-snapshot", records.size);
    const published = await compaction.publish(this.#backend, this.#access, details);
    this.#meter.end();
    if (published === null) return false;
    this.#known.take(published);
    this.#state.checkpointed(published.manifest.currentSnapshot, version, archived?.ids ?? []);
    return true;
  }

  #recordsWithout(archived) {
    const without = new Set(archived?.ids);
    return new Map(this.#records.entries().filter(([id]) => !without.has(id)));
  }
}

module.exports = { BackendCheckpoint };
