"use strict";

// The manifest and the compaction lock of a backend with many writers. Every change of the manifest is read,
// modify, write: with `writeManifestIf` as a conditional write, without it under the compaction lock, looked at
// once more just before and after. No change is made from what was read earlier.

const { randomUUID } = require("./builtins").crypto;
const { messages, opslogError } = require("./errors");
const { FsBackend } = require("./fs-backend");
const { delay, monotonicMs } = require("./timers");

const UPDATE_ATTEMPTS = 100;
const REFUSAL_ATTEMPTS = 5;
const PROBE_ATTEMPTS = 3;
const LONGEST_PAUSE_MS = 400;
/** The most that one attempt and its pause count for, of the time that somebody waits. */
const LONGEST_LOOK_MS = 5000;
const SETTLE_MS = 100;
const NO_SUCH_VERSION = '"opslog-probe"';

/** Waits longer from attempt to attempt, and not in step with others. */
function pause(attempt) {
  return delay(Math.random() * Math.min(LONGEST_PAUSE_MS, 10 * 2 ** Math.min(attempt, 10)));
}

/** Whether a rejected lock is held by somebody else; what carries another code is a failure. */
function isHeld(error) {
  const status = error?.$metadata?.httpStatusCode;
  if (status !== undefined) return status === 412 || status === 409;
  return error?.code === undefined || error.code === "OPSLOG_LOCKED" || error.code === "EEXIST";
}

/** Takes a lock, waiting for it up to `waitMs`. Returns `null` if somebody else holds it. */
async function takeLock(acquire, waitMs) {
  let left = waitMs;
  for (let attempt = 0; ; attempt++) {
    const began = monotonicMs();
    try {
      return { handle: await acquire(), waited: attempt > 0 };
    } catch (error) {
      if (!isHeld(error)) throw error;
      if (left <= 0) return null;
    }
    await pause(attempt + 2);
    // A process that was itself stopped meanwhile has not looked: that says nothing about the holder.
    left -= Math.min(monotonicMs() - began, LONGEST_LOOK_MS);
  }
}

function unsafe(what) {
  const message =
    `This backend cannot keep two writers apart: ${what}. With it, agents would lose each other's writes. ` +
    "Use a server that honours conditional writes, or open the store without an agentId.";
  return opslogError("OPSLOG_UNSAFE_BACKEND", message);
}

function isSame(one, other) {
  return one?.stamp === other?.stamp && JSON.stringify(one) === JSON.stringify(other);
}

function takenOver() {
  const message =
    "Another writer has taken this store over, and a checkpoint would undo its work. " +
    "Close the store and open it again.";
  return opslogError("OPSLOG_LOCKED", message);
}

/** Whether two manifests name the same files. */
function nameSame(one, other) {
  const names = ({ currentSnapshot, activeOps, activeAgentOps }) =>
    JSON.stringify([currentSnapshot, activeOps, activeAgentOps]);
  return names(one) === names(other);
}

class ManifestAccess {
  #backend;
  #guard;
  #generation = 0;
  #hasExactVersions;
  #isFolder;
  /** Whether the backend can write the manifest on condition. */
  isConditional;

  /** `guard` is called with each manifest that is about to be replaced, and throws if that must not be. */
  constructor(backend, guard) {
    this.#backend = backend;
    this.#guard = guard;
    this.isConditional = typeof backend.writeManifestIf === "function";
    // The time of a file's change is too coarse to tell two changes apart.
    this.#isFolder = backend instanceof FsBackend;
    const isCoarse = this.#isFolder && !this.isConditional;
    this.#hasExactVersions = !isCoarse && typeof backend.getManifestVersion === "function";
  }

  /** The manifest, or `null`, and the version that it had at most. */
  async read() {
    // NOTE: in this order. A version older than the manifest is noticed later, a newer one never would be.
    const version = (await this.#backend.getManifestVersion?.()) ?? null;
    const manifest = await this.#backend.readManifest();
    this.#generation = Math.max(this.#generation, manifest?.generation ?? 0);
    return { manifest, version };
  }

  /** The manifest as it is now: `known` itself if nothing changed. */
  async look(known) {
    if (this.#hasExactVersions && (await this.#backend.getManifestVersion()) === known.version) return known;
    const found = await this.read();
    if (!found.manifest) throw opslogError("OPSLOG_CORRUPT", messages.manifestMissing());
    return isSame(found.manifest, known.manifest) ? { ...known, version: found.version } : found;
  }

  /**
   * Changes the manifest. `change(manifest, generation)` returns the next one, or the one that it was given if
   * there is nothing to change; it is called again when somebody else was faster. Without conditional writes
   * the caller holds the compaction lock.
   */
  async update(change) {
    let last = null;
    let refusals = 0;
    for (let attempt = 0; attempt < UPDATE_ATTEMPTS; attempt++) {
      if (attempt > 0) await pause(attempt);
      const before = await this.read();
      const isRefused = attempt > 0 && isSame(before.manifest, last.manifest);
      refusals = isRefused ? refusals + 1 : 0;
      if (refusals === REFUSAL_ATTEMPTS)
        throw unsafe("it refuses to replace a manifest that nobody has changed");
      last = before;
      if (before.manifest !== null) this.#guard(before.manifest);
      const generation = this.#generation + 1;
      const changed = await change(before.manifest, generation);
      if (changed === before.manifest) return before;
      const manifest = { ...changed, generation, stamp: randomUUID() };
      const written = await this.#replace(before, manifest);
      if (written !== null) return written;
    }
    throw opslogError("OPSLOG_LOCKED", "The manifest changes too fast to be changed. Try again later.");
  }

  /** Replaces the manifest for a single writer. Throws `OPSLOG_LOCKED` if somebody else has replaced it. */
  async replaceAlone(before, next) {
    const manifest = { ...next, stamp: randomUUID() };
    if (this.isConditional) {
      const written = await this.#replace(before, manifest);
      if (written === null) {
        this.#guard((await this.read()).manifest);
        throw takenOver();
      }
      return written;
    }
    if (before.manifest !== null) {
      const found = await this.look(before);
      this.#guard(found.manifest);
      if (!nameSame(found.manifest, before.manifest)) throw takenOver();
    }
    await this.#backend.writeManifest(manifest);
    return { manifest, version: (await this.#backend.getManifestVersion?.()) ?? null };
  }

  /** Takes the compaction lock; `null` if somebody else holds it for longer than `waitMs`. */
  async lock(waitMs) {
    const taken = await takeLock(() => this.#backend.acquireCompactionLock(), waitMs);
    // Who waited was not alone: two who both found a lock stale must not start in the same moment.
    if (taken?.waited && !this.isConditional && !this.#isFolder) await delay(Math.random() * SETTLE_MS);
    return taken?.handle ?? null;
  }

  async unlock(handle) {
    if (handle !== null) await this.#backend.releaseCompactionLock(handle);
  }

  /** Takes the lock of a single writer, which must not be at work when agents begin. */
  async lockSingle(waitMs) {
    if (typeof this.#backend.acquireLock !== "function") return null;
    const taken = await takeLock(() => this.#backend.acquireLock(), waitMs);
    if (taken === null) {
      const message = "A writer without agentId holds this store. Close it before agents open the store.";
      throw opslogError("OPSLOG_LOCKED", message);
    }
    return taken.handle;
  }

  async unlockSingle(handle) {
    if (handle !== null) await this.#backend.releaseLock(handle);
  }

  /**
   * Takes the compaction lock as `lock()` does, and tries to take it once more. Throws `OPSLOG_UNSAFE_BACKEND` if
   * that succeeds, and not just once: somebody may have taken over what he held for the lock of a dead process.
   */
  async probedLock(waitMs) {
    for (let attempt = 0; attempt < PROBE_ATTEMPTS; attempt++) {
      const handle = await this.lock(waitMs);
      // With the lock held by another, it has just kept us out.
      if (handle === null) return null;
      let second;
      try {
        second = await this.#backend.acquireCompactionLock();
      } catch {
        return handle;
      }
      await this.#backend.releaseCompactionLock(second).catch(() => {});
      await pause(attempt);
    }
    throw unsafe("acquireCompactionLock() gives a lock that is held");
  }

  /** Throws `OPSLOG_UNSAFE_BACKEND` if a conditional write takes place whose condition does not hold. */
  async probeCondition() {
    if (!this.isConditional) return;
    for (const version of [null, NO_SUCH_VERSION]) {
      const { manifest } = await this.read();
      if ((await this.#backend.writeManifestIf(manifest, version)) !== null) {
        throw unsafe("writeManifestIf() wrote although the version had changed");
      }
    }
  }

  /** Returns what was written with its version; `null` if somebody else was faster. */
  async #replace(before, manifest) {
    if (this.isConditional) {
      const version = await this.#backend.writeManifestIf(manifest, before.version);
      if (version !== null) return this.#written(manifest, version);
    } else {
      const isUntouched =
        before.manifest === null
          ? (await this.#backend.readManifest()) === null
          : (await this.look(before)).manifest === before.manifest;
      if (!isUntouched) return null;
      await this.#backend.writeManifest(manifest);
    }
    // Somebody overwrote it; or a write that was sent twice met itself.
    const found = await this.read();
    return found.manifest?.stamp === manifest.stamp ? this.#written(manifest, found.version) : null;
  }

  #written(manifest, version) {
    this.#generation = manifest.generation;
    return { manifest, version };
  }
}

module.exports = { ManifestAccess };
