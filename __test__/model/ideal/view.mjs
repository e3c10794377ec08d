/** The ideal store's looks: they change nothing, and read what the store holds. */
import { operationOf } from "./operation.mjs";

export class IdealView {
  opened = false;

  checkOpen() {
    if (!this.opened) throw new Error("Store is not open. Call open() first.");
  }

  get(id) {
    this.checkOpen();
    return this.records.get(id);
  }

  has(id) {
    this.checkOpen();
    return this.records.has(id);
  }

  all() {
    this.checkOpen();
    return [...this.records.values()];
  }

  entries() {
    this.checkOpen();
    return [...this.records];
  }

  filter(predicate) {
    return this.entries()
      .filter(([id, value]) => predicate(value, id))
      .map(([, value]) => value);
  }

  count(predicate = () => true) {
    return this.filter(predicate).length;
  }

  getOps(since = "") {
    this.checkOpen();
    return this.operations.map(({ operation }) => operation).filter(({ ts }) => ts > since);
  }

  getHistory(id) {
    return this.getOps().filter((operation) => operation.id === id);
  }

  stats() {
    this.checkOpen();
    const { records, operations, segments } = this;
    return { activeRecords: records.size, opsCount: operations.length, archiveSegments: segments.length };
  }

  listArchiveSegments() {
    this.checkOpen();
    return [...this.segments];
  }

  async loadArchive(segment) {
    this.checkOpen();
    const exact = this.segments.find((name) => name === `archive/archive-${segment}.json`);
    const name = exact ?? this.segments.find((path) => path.includes(segment));
    if (!name) throw new Error(`Archive segment '${segment}' not found`);
    return new Map(Object.entries(this.folder.readArchive(name)));
  }

  getManifest() {
    if (!this.opened) return null;
    const { currentSnapshot, activeOps, archiveSegments, stats } = this.manifest;
    return { currentSnapshot, activeOps, archiveSegments, stats };
  }

  async *streamSnapshot() {
    this.checkOpen();
    yield* this.folder.readSnapshot(this.manifest.currentSnapshot).records;
  }

  async *getWalOps(since = "") {
    this.checkOpen();
    const operations = this.folder.lines(this.manifest.activeOps).map(operationOf);
    yield* operations.filter(({ ts }) => ts > since);
  }
}
