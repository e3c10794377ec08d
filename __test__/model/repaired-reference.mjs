/**
 * 0.8.1 with the defects repaired that would end every comparison. Each repair belongs to one entry of
 * differences.mjs and does nothing else. What is not repaired here is compared as it is.
 */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { original } from "../helpers/original.mjs";
import { asTheOriginalWrites } from "../helpers/stored-state.mjs";

/** The operations that reached a folder, in order, with those that undo() took back marked. */
export class Journal {
  #lines = [];
  checkpoints = 0;
  undos = 0;

  append(operations) {
    for (const operation of operations)
      this.#lines.push({ operation: structuredClone(operation), undone: false });
  }

  undoLast() {
    this.undos += 1;
    const last = this.#lines.findLast((line) => !line.undone);
    if (last) last.undone = true;
  }

  get length() {
    return this.#lines.length;
  }

  since(position) {
    return this.#lines
      .slice(position)
      .filter((line) => !line.undone)
      .map((line) => line.operation);
  }
}

export class RepairedBackend extends original.FsBackend {
  manifest = null;
  #folder;
  #journal;
  #countsBytes;

  constructor(folder, { journal = new Journal(), countsBytes = false } = {}) {
    super();
    this.#folder = folder;
    this.#journal = journal;
    this.#countsBytes = countsBytes;
  }

  async readManifest() {
    this.manifest = await super.readManifest();
    return this.manifest;
  }

  /** Difference: "fields that only ours writes". */
  async readOps(path) {
    return (await super.readOps(path)).map(asTheOriginalWrites);
  }

  async appendOps(path, operations) {
    await super.appendOps(path, operations);
    this.#journal.append(operations);
  }

  /** Difference: "undo counts characters". */
  async truncateLastOp(path) {
    this.#journal.undoLast();
    if (!this.#countsBytes) return super.truncateLastOp(path);
    const bytes = await readFile(join(this.#folder, path));
    if (bytes.length === 0) return false;
    const file = await open(join(this.#folder, path), "r+");
    await file.truncate(bytes.lastIndexOf("\n", bytes.length - 2) + 1);
    await file.close();
    return true;
  }

  /** Differences: "archived records counted twice", "manifest shows the state before the checkpoint". */
  async writeManifest(manifest) {
    let archivedRecords = 0;
    for (const path of manifest.archiveSegments)
      archivedRecords += (await this.loadArchiveSegment(path)).size;
    const counted = { ...manifest, stats: { ...manifest.stats, archivedRecords } };
    await super.writeManifest(counted);
    this.manifest = { ...counted, archiveSegments: [...counted.archiveSegments] };
    this.#journal.checkpoints += 1;
  }
}

export class RepairedStore extends original.Store {
  #before = new WeakMap();
  #stood = new WeakMap();

  /** Difference: "order after a rolled-back batch". */
  async _batch(fn) {
    const before = [...this.records];
    try {
      return await super._batch(fn);
    } catch (error) {
      this.records = new Map(before);
      throw error;
    }
  }

  makeOp(type, id, data, prev) {
    const operation = super.makeOp(type, id, data, prev);
    this.#before.set(operation, prev);
    this.#stood.set(operation, [...this.records.keys()].indexOf(id));
    return operation;
  }

  applyOp(operation) {
    this.#before.set(operation, this.records.get(operation.id));
    this.#stood.set(operation, [...this.records.keys()].indexOf(operation.id));
    super.applyOp(operation);
  }

  /** Differences: "order after an undone deletion", "undo moves restored fields to the end". */
  reverseOp(operation) {
    super.reverseOp(operation);
    if (operation.op === "delete") {
      const others = [...this.records].filter(([id]) => id !== operation.id);
      const restored = [operation.id, this.records.get(operation.id)];
      this.records = new Map(others.toSpliced(this.#stood.get(operation), 0, restored));
    }
    if (operation.encoding !== "delta") return;
    const before = this.#before.get(operation);
    if (!isDeepStrictEqual(before, this.records.get(operation.id)))
      throw new Error("undo changed more than order");
    this.records.set(operation.id, before);
  }

  /** Difference: "manifest shows the state before the checkpoint"; getWalOps() reads it too. */
  getManifest() {
    this.manifest = this.backend.manifest;
    return super.getManifest();
  }

  async *getWalOps(since) {
    this.ensureOpen();
    this.manifest = this.backend.manifest;
    yield* super.getWalOps(since);
  }

  /** Difference: "streamSnapshot breaks lines at U+2028". */
  async *streamSnapshot() {
    this.ensureOpen();
    yield* (await this.backend.loadSnapshot(this.backend.manifest.currentSnapshot)).records;
  }
}
