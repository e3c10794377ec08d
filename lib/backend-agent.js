"use strict";

// One of many writers through a backend: its registration, its log, and what it must do when another's
// compaction has sealed that log. An append counts once a look at the manifest, made after it, still finds the
// log there: compactions seal all logs first and read them afterwards, so whoever compacts has seen it.

const { randomUUID } = require("./builtins").crypto;
const { highestClock, logsOf, readOperations } = require("./backend-loader");
const manifests = require("./backend-manifest");
const { messages, opslogError } = require("./errors");

/** How long an agent waits for the lock to be registered: longer than S3 locks of the dead are kept. */
const JOIN_WAIT_MS = 90_000;
const CHANGE_WAIT_MS = 20_000;
const PROBE_WAIT_MS = 1000;
const SINGLE_WAIT_MS = 1000;

/** What an append is answered with when its log was sealed meanwhile. */
class Sealed extends Error {}

class BackendAgent {
  #backend;
  #access;
  #agentId;
  #session = randomUUID();
  /** The manifest and version that were last seen. */
  #known = null;
  #path = undefined;
  /** Whether the log at `#path` was made while this store had another. */
  #isFresh = false;
  /** What was acknowledged in the log at `#path`. */
  #own = [];
  /** What was acknowledged in a log that nobody reads any more. */
  #lost = [];
  #guard;

  /** `guard`, if it is not `null`, is called with the manifest before each append, and throws if that must not be. */
  constructor(backend, access, agentId, guard) {
    this.#backend = backend;
    this.#access = access;
    this.#agentId = agentId;
    this.#guard = guard;
  }

  get manifest() {
    return this.#known.manifest;
  }

  /** Whether acknowledged operations must be appended again. */
  get hasLost() {
    return this.#lost.length > 0;
  }

  /** The agent's log, if nothing was appended to it. */
  get emptyLog() {
    return this.#own.length === 0 && this.#isFresh ? this.#path : undefined;
  }

  /** Registers at open, creating the store if there is none; refuses a backend that keeps nobody apart. */
  async open(version) {
    const { isConditional } = this.#access;
    const lock = await this.#access.probedLock(isConditional ? PROBE_WAIT_MS : JOIN_WAIT_MS);
    if (lock === null && !isConditional) throw opslogError("OPSLOG_LOCKED", messages.compactionLocked());
    try {
      await this.#register(() => manifests.emptyStore(this.#backend, version, this.#agentId));
      await this.#access.probeCondition();
    } finally {
      await this.#access.unlock(lock);
    }
  }

  /** Appends operations, whose values are of a schema version, to the agent's log. Throws `Sealed` if they must be appended again, behind others. */
  async append(operations, version) {
    if (this.#lost.length > 0 || this.#path === undefined) throw new Sealed();
    const isFirst = operations.every(({ again }) => again === undefined);
    // NOTE: not for what was appended before to a log that was sealed: it may count already.
    if (isFirst && this.#guard !== null) await this.#lookFirst();
    this.#isFresh = false;
    await this.#backend.appendOps(this.#path, operations);
    const found = await this.#access.look(this.#known);
    if (found !== this.#known) this.#checkSession(found.manifest);
    if (manifests.logOf(found.manifest, this.#agentId) !== this.#path) throw new Sealed();
    this.#known = found;
    for (const operation of operations) this.#own.push({ version, ...operation });
  }

  async #lookFirst() {
    const found = await this.#access.look(this.#known);
    this.#guard(found.manifest);
    if (manifests.logOf(found.manifest, this.#agentId) !== this.#path) throw new Sealed();
    this.#known = found;
  }

  /**
   * Goes over to the log that is the agent's now. Returns the clock above which to go on, and operations that
   * were acknowledged in a log which has got lost, to be appended again.
   */
  async move() {
    const found = await this.#access.read();
    if (!found.manifest) throw opslogError("OPSLOG_CORRUPT", messages.manifestMissing());
    this.#checkSession(found.manifest);
    this.take(found);
    if (manifests.logOf(found.manifest, this.#agentId) === undefined) {
      await this.#locked(JOIN_WAIT_MS, () => this.#register(null));
    }
    // What was sealed but not published may hold higher clocks than the manifest.
    const { manifest } = this.#known;
    const sealed = await readOperations(this.#backend, manifest, { onlySealed: true });
    const lost = this.#lost;
    this.#lost = [];
    return { clock: Math.max(manifest.clock ?? 0, highestClock(sealed)), lost };
  }

  /** Takes over a manifest that was read or written. */
  take(known) {
    const before = this.#known?.manifest;
    const path = manifests.logOf(known.manifest, this.#agentId);
    this.#known = known;
    if (path === this.#path) return;
    if (this.#own.length > 0 && isLost(this.#path, before, known.manifest)) this.#lost.push(...this.#own);
    this.#isFresh = this.#path !== undefined;
    this.#path = path;
    this.#own = [];
  }

  /** Changes the manifest, see `ManifestAccess.update`; under the compaction lock where that is needed. */
  async update(change) {
    const known = await this.#locked(CHANGE_WAIT_MS, () => this.#access.update(change));
    this.take(known);
    return known;
  }

  /**
   * Takes the agent's last operation out of the log: its log is written anew without it, under another name,
   * for what others have read of the old one they may keep. Returns `false` if it is in the log no more.
   */
  async undo() {
    let undone = null;
    const known = await this.#locked(CHANGE_WAIT_MS, () =>
      this.#access.update(async (manifest) => {
        this.#checkSession(manifest);
        const entries = await readOperations(this.#backend, manifest);
        undone = entries.filter(({ operation }) => operation.agent === this.#agentId).at(-1) ?? null;
        // Of one that was appended again, the first copy may be in a snapshot.
        if (undone?.operation.again !== undefined) undone = null;
        return undone === null ? manifest : this.#withoutEntry(manifest, entries, undone);
      }),
    );
    if (undone === null) {
      this.take(known);
      return false;
    }
    const isCopied = undone.path === this.#path;
    const own = isCopied ? this.#own.splice(0) : [];
    this.take(known);
    this.#isFresh = false;
    if (isCopied) this.#own = ended(own.filter(({ clock }) => clock !== undone.operation.clock));
    return true;
  }

  /** The manifest with a copy of a log in its place that lacks one entry. */
  async #withoutEntry(manifest, entries, removed) {
    await manifests.passNames(manifests.newestName(manifest));
    const taken = manifests.logsIn(manifest);
    const path = await manifests.createLog(this.#backend, this.#agentId, taken);
    const kept = entries.filter((entry) => entry.path === removed.path && entry !== removed);
    if (kept.length > 0) await this.#backend.appendOps(path, ended(kept.map(({ operation }) => operation)));
    const logs = manifests.agentLogs(manifest);
    const { logVersions } = manifest;
    const isNoted = logVersions !== undefined && Object.hasOwn(logVersions, removed.path);
    return {
      ...manifest,
      ...(isNoted && { logVersions: { ...logVersions, [path]: logVersions[removed.path] } }),
      activeOps: manifest.activeOps === removed.path ? path : manifest.activeOps,
      activeAgentOps: Object.fromEntries(logs.map(([key, log]) => [key, log === removed.path ? path : log])),
    };
  }

  /** Runs work under the compaction lock, unless conditional writes make that needless. */
  async #locked(waitMs, work) {
    if (this.#access.isConditional) return work();
    const lock = await this.#access.lock(waitMs);
    if (lock === null) throw opslogError("OPSLOG_LOCKED", messages.compactionLocked());
    try {
      return await work();
    } finally {
      await this.#access.unlock(lock);
    }
  }

  async #register(create) {
    let single = null;
    try {
      const known = await this.#access.update(async (manifest) => {
        const isAlone = manifest === null || !hasAgents(manifest);
        if (isAlone) single ??= await this.#access.lockSingle(SINGLE_WAIT_MS);
        if (manifest === null && create === null) {
          throw opslogError("OPSLOG_CORRUPT", messages.manifestMissing());
        }
        if (create === null) this.#checkSession(manifest);
        const base = manifest ?? (await create());
        return manifests.withAgent(this.#backend, base, this.#agentId, this.#session);
      });
      this.take(known);
    } finally {
      await this.#access.unlockSingle(single);
    }
  }

  #checkSession(manifest) {
    const session = manifests.sessionOf(manifest, this.#agentId);
    if (session === undefined || session === this.#session) return;
    const message = `Another store was opened with the agentId '${this.#agentId}', and writes are its now.`;
    throw opslogError("OPSLOG_LOCKED", message);
  }
}

/** The operations of a log whose last one was taken out: the batch that it belonged to ends one earlier. */
function ended(operations) {
  const last = operations.at(-1);
  return last?.batch === "more" ? [...operations.slice(0, -1), { ...last, batch: "last" }] : operations;
}

function hasAgents(manifest) {
  return manifests.agentLogs(manifest).some(([key]) => !manifests.isSealed(key));
}

/**
 * Whether a log went missing without having gone into a snapshot: somebody wrote the manifest from what it was
 * before. Only if the manifest tells of all snapshots since can that be known.
 */
function isLost(path, before, now) {
  if (!(now.generation > before.generation)) return false;
  if (logsOf(now).some((log) => log.path === path)) return false;
  const [known, retired] = [before.retired ?? [], now.retired ?? []];
  if (retired.some(({ ops }) => ops.includes(path))) return false;
  return (retired[0]?.snapshot ?? 1) <= (known.at(-1)?.snapshot ?? 0) + 1;
}

module.exports = { BackendAgent, hasAgents, Sealed };
