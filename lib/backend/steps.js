"use strict";

// Carries out the steps that the native side asks for, and answers. No rule stands here: which step, in which order,
// and what its answer means is decided there.

const { Buffer } = require("../platform/builtins").buffer;
const { randomUUID } = require("../platform/builtins").crypto;
const { NOTES } = require("../arguments/paths");
const { now } = require("../arguments/values");
const { migratedText } = require("../records/migration");
const { forEachPair } = require("../records/records");
const { delay } = require("../platform/timers");
const { walkThrough } = require("../queries/walks");
const answers = require("./answers");
const { Unanswered } = require("./calls");

/** About how many characters go to the native side at once. */
const PART = 1 << 18;
/** How many bytes of an index are printed at once. */
const INDEX_PART = 1 << 16;

const isMissing = (error) => error?.code === "ENOENT" || error?.cause?.code === "ENOENT";

/** Whether a rejected lock is held by another writer; what carries another code is a failure. */
function isHeld(error) {
  const status = error?.$metadata?.httpStatusCode;
  if (status !== undefined) return status === 412 || status === 409;
  return error?.code === undefined || error.code === "OPSLOG_LOCKED" || error.code === "EEXIST";
}

/** Whether another writer holds the lock that was to be taken, or has closed the log that was to be appended to. */
function isRefused(step, error) {
  if (step === "append") return error?.code === "OPSLOG_LOCKED";
  return step === "lock" && isHeld(error);
}

class Steps {
  #session;
  #calls;
  #migrate;
  #records;
  #handles = new Map();
  #nextHandle = 1;
  /** The index of the snapshot that was written last. */
  #index = null;
  /** What steps failed with, by the number of the request. */
  #failures = new Map();

  /** `records` are the live records of the store. */
  constructor(session, calls, { migrate, records }) {
    this.#session = session;
    this.#calls = calls;
    this.#migrate = migrate;
    this.#records = records;
  }

  /** Carries a request out, and tells the native side what came of it. */
  async carry(request) {
    const { number, step } = request;
    try {
      this.#session.answer(number, JSON.stringify((await this[step](request)) ?? null));
    } catch (error) {
      this.#failures.set(number, error);
      const isLock = !(error instanceof Unanswered) && isRefused(step, error);
      this.#session.fail(
        number,
        String(error?.message ?? error),
        isMissing(error),
        error instanceof Unanswered,
        isLock,
      );
    }
  }

  /** What the step of a request failed with. */
  failure(number) {
    return this.#failures.get(number);
  }

  /** Nothing is on its way any more. */
  forgetFailures() {
    this.#failures.clear();
  }

  async pause({ ms }) {
    await delay(ms);
  }

  async manifestVersion() {
    if (!this.#calls.has("getManifestVersion")) return null;
    return answers.version("getManifestVersion", await this.#calls.run("getManifestVersion"));
  }

  async readManifest() {
    return answers.manifest("readManifest", await this.#calls.run("readManifest"));
  }

  async publish({ manifest, condition }) {
    if (condition === undefined) {
      await this.#calls.run("writeManifest", manifest);
      return true;
    }
    const version = await this.#calls.run("writeManifestIf", manifest, condition);
    return answers.version("writeManifestIf", version);
  }

  /** Returns whether the parts are lines as they are stored, and not JSON lists. */
  async readLog({ log, number }) {
    if (this.#calls.has("readOpsLines")) {
      for (const lines of answers.bodies("readOpsLines", await this.#calls.run("readOpsLines", log)))
        this.#session.bytes(number, lines);
      return true;
    }
    const operations = answers.operations("readOps", await this.#calls.run("readOps", log));
    this.#inParts(
      number,
      operations.map((operation) => JSON.stringify(operation) ?? "null"),
    );
    return false;
  }

  async append({ log, operations }) {
    await this.#calls.run("appendOps", log, operations);
  }

  async closeLog({ log }) {
    await this.#calls.run("closeOpsFile", log);
  }

  async changeToken() {
    return answers.version("changeToken", await this.#calls.run("changeToken"));
  }

  async cut({ log }) {
    return answers.boolean("truncateLastOp", await this.#calls.run("truncateLastOp", log));
  }

  async createLog({ agent }) {
    if (agent === null) return answers.path("createOpsFile", await this.#calls.run("createOpsFile"));
    return answers.path("createAgentOpsFile", await this.#calls.run("createAgentOpsFile", agent));
  }

  async loadSnapshot({ path, number }) {
    if (this.#calls.has("readSnapshot")) return this.#readSnapshot(path, number);
    const snapshot = await this.#calls.run("loadSnapshot", path);
    const records = answers.records("loadSnapshot", snapshot?.records);
    this.#inParts(number, pairsOf(records));
    return Number.isInteger(snapshot.version) ? snapshot.version : null;
  }

  async #readSnapshot(path, number) {
    const pieces = this.#calls.pieces("readSnapshot", path);
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) return Number.isInteger(value) ? value : null;
      this.#inParts(number, pairsOf(answers.entries("readSnapshot", value)));
    }
  }

  async writeSnapshot({ version, without, isEmpty, isIndexed, isEarlier }) {
    this.#index = null;
    const earlier = isEarlier ? this.#session.earlier() : null;
    try {
      return await this.#writeSnapshot({ version, gone: new Set(without), isEmpty, isIndexed, earlier });
    } finally {
      earlier?.close();
    }
  }

  async #writeSnapshot({ version, gone, isEmpty, isIndexed, earlier }) {
    if (this.#calls.has("writeSnapshotFrom")) {
      const walk = () => (earlier === null ? this.#records.plainWalk() : walkThrough(earlier));
      const entries = isEmpty ? [] : except(walk(), gone);
      const index = isIndexed && !isEmpty ? this.#session.snapshotIndex() : null;
      const onBytes = (bytes) => index?.add(answers.piece(bytes));
      const written = await this.#calls.run("writeSnapshotFrom", entries, version, onBytes);
      this.#index = index;
      return answers.path("writeSnapshotFrom", written);
    }
    const all = () => (earlier === null ? this.#records.plainEntries() : [...walkThrough(earlier)]);
    const entries = isEmpty ? [] : all().filter(([id]) => !gone.has(id));
    return answers.path("writeSnapshot", await this.#calls.run("writeSnapshot", new Map(entries), version));
  }

  async writeIndex({ index: path }) {
    const index = this.#index;
    this.#index = null;
    const length = index?.finish() ?? null;
    if (length === null) return;
    if (this.#calls.has("writeBlobFrom")) {
      await this.#calls.run("writeBlobFrom", path, printed(index));
      return;
    }
    const content = Buffer.allocUnsafeSlow(length);
    index.print(content);
    await this.#calls.run("writeBlob", path, content);
  }

  async readRange({ path, offset, length, number }) {
    const bytes = await this.#calls.run("readBlobRange", path, offset, length);
    this.#session.bytes(number, answers.range("readBlobRange", bytes));
  }

  async segmentIds({ path, number }) {
    const records = await this.#calls.run("loadArchiveSegment", path);
    const ids = answers.records("loadArchiveSegment", records).keys();
    this.#inParts(
      number,
      [...ids].map((id) => JSON.stringify(id)),
    );
  }

  async writeSegment({ period, ids }) {
    const archived = new Map(ids.map((id) => [id, this.#records.archived(id)]));
    return answers.path(
      "writeArchiveSegment",
      await this.#calls.run("writeArchiveSegment", period, archived),
    );
  }

  async loadSegment({ path, number }) {
    const records = await this.#calls.run("loadArchiveSegment", path);
    this.#inParts(number, pairsOf(answers.records("loadArchiveSegment", records)));
  }

  async writeNote({ text }) {
    const path = `${NOTES}${String(now()).padStart(13, "0")}-${randomUUID()}.json`;
    await this.#calls.run("writeBlob", path, Buffer.from(JSON.stringify(text)));
    return path;
  }

  async readNote({ path }) {
    const text = answers.text("readBlob", await this.#calls.run("readBlob", path));
    try {
      return JSON.parse(text);
    } catch {
      // It was not written whole: the history begins behind it.
      return null;
    }
  }

  async deleteNote({ path }) {
    try {
      await this.#calls.run("deleteBlob", path);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async deleteLog({ path }) {
    return answers.bytes("deleteOpsFile", await this.#calls.run("deleteOpsFile", path));
  }

  async deleteSnapshot({ path }) {
    return answers.bytes("deleteSnapshot", await this.#calls.run("deleteSnapshot", path));
  }

  async lock({ isCompaction }) {
    const handle = await this.#calls.run(isCompaction ? "acquireCompactionLock" : "acquireLock");
    this.#handles.set(this.#nextHandle, handle);
    return this.#nextHandle++;
  }

  async unlock({ isCompaction, handle: number }) {
    const handle = this.#handles.get(number);
    this.#handles.delete(number);
    await this.#calls.run(isCompaction ? "releaseCompactionLock" : "releaseLock", handle);
  }

  async sync() {
    if (this.#calls.has("sync")) await this.#calls.run("sync");
  }

  async migrate({ from, records, number }) {
    const texts = [];
    forEachPair(records, (record, id) => texts.push(migratedText([from, id, record], this.#migrate)));
    this.#inParts(number, texts);
  }

  /** Tells the native side JSON texts as lists of a size that it can take. */
  #inParts(number, texts) {
    let part = [];
    let length = 0;
    for (const text of texts) {
      part.push(text);
      length += text.length;
      if (length < PART || part.length % 2 === 1) continue;
      this.#session.part(number, `[${part.join(",")}]`);
      part = [];
      length = 0;
    }
    if (part.length > 0) this.#session.part(number, `[${part.join(",")}]`);
  }
}

/** The entries whose id is not among these. */
function* except(entries, gone) {
  for (const entry of entries) if (!gone.has(entry[0])) yield entry;
}

/** The pieces of an index file. Each overwrites the one before. */
function* printed(index) {
  const room = Buffer.allocUnsafeSlow(INDEX_PART);
  for (let length = index.print(room); length > 0; length = index.print(room)) yield room.subarray(0, length);
}

/** Ids and values in turn; `null` and an id for a record whose value is `undefined`. */
function* pairsOf(records) {
  for (const [id, value] of records) {
    const text = JSON.stringify(value);
    if (text === undefined) yield* ["null", JSON.stringify(id)];
    else yield* [JSON.stringify(id), text];
  }
}

module.exports = { Steps };
