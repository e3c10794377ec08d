/**
 * What a Store promises, in plain JavaScript and without any cleverness: everything synchronous behind one
 * queue. It is the specification for what 0.8.1 can't do (wide runs), and it carries the planted defects
 * that show that the model test sees. Against 0.8.1 it must have no difference that is not listed.
 */
import { IdealFolder } from "./folder.mjs";
import { asStored, checkId, lineOf, makeOperation, operationOf } from "./operation.mjs";
import { IdealView } from "./view.mjs";

export class IdealStore extends IdealView {
  checkpoints = 0;
  batching = null;
  waiting = 0;
  queue = Promise.resolve();

  async open(path, given = {}) {
    const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const defaults = {
      checkpointThreshold: 100,
      checkpointOnClose: true,
      version: 1,
      groupCommitSize: 50,
      groupCommitMs: 100,
    };
    this.options = { writeMode: "immediate", ...defaults, ...chosen };
    this.folder = new IdealFolder(path);
    if (!this.options.readOnly) {
      this.folder.create();
      this.folder.lock();
    }
    this.buffer = [];
    const manifest = this.folder.readManifest();
    if (!manifest && this.options.readOnly)
      throw new Error("Cannot open in readOnly mode: no existing store found");
    if (manifest) this.load(manifest);
    else this.start();
    this.opened = true;
  }

  start() {
    this.records = new Map();
    this.version = this.options.version;
    this.archived = 0;
    this.segments = [];
    this.created = new Date().toISOString();
    // NOTE: 0.8.1 writes version 1 into a new manifest, whatever the option says.
    this.publish(1);
  }

  load(manifest) {
    this.manifest = manifest;
    this.created = manifest.stats.created;
    this.archived = manifest.stats.archivedRecords;
    this.segments = [...manifest.archiveSegments];
    const { version, records } = this.folder.readSnapshot(manifest.currentSnapshot);
    this.version = version;
    this.records = this.options.skipLoad ? new Map() : records;
    this.lines = this.folder.lines(manifest.activeOps);
    this.operations = [];
    if (this.options.skipLoad) return;
    for (const line of this.lines) this.apply(operationOf(line));
    if (version >= this.options.version) return;
    for (const [id, record] of this.records) this.records.set(id, this.options.migrate(record, version));
    this.version = this.options.version;
    if (!this.options.readOnly) this.checkpoint();
  }

  apply(operation) {
    const before = this.records.get(operation.id);
    this.operations.push({ operation, before, stood: [...this.records.keys()].indexOf(operation.id) });
    if (operation.op === "set") this.records.set(operation.id, operation.data);
    else this.records.delete(operation.id);
  }

  checkWritable() {
    this.checkOpen();
    if (this.options.readOnly) throw new Error("Store is read-only. Cannot perform mutations.");
  }

  /** Does the work when what was called before is done. */
  enqueue(work) {
    this.waiting += 1;
    const done = this.queue.then(work).finally(() => (this.waiting -= 1));
    this.queue = done.catch(() => {});
    return done;
  }

  /** A plain call takes effect now, unless it must wait for its turn. */
  plain(work) {
    this.checkWritable();
    if (this.batching) return void work();
    if (this.waiting > 0) return this.enqueue(() => this.logOne(work));
    return new Promise((resolve) => resolve(this.logOne(work)));
  }

  set(id, value) {
    return this.plain(() => this.write("set", id, value));
  }

  delete(id) {
    return this.plain(() => this.write("delete", id));
  }

  write(op, id, value) {
    checkId(id);
    const before = this.records.get(id);
    if (op === "delete" && before === undefined) throw new Error(`Record '${id}' not found`);
    const operation = makeOperation(op, id, before, op === "set" ? asStored(value) : undefined);
    this.apply(operation);
    this.batching?.push(operation);
    return operation;
  }

  logOne(work) {
    const operation = work();
    this.buffer.push(lineOf(operation));
    const size = this.options.writeMode === "immediate" ? 1 : this.options.groupCommitSize;
    if (this.buffer.length >= size) this.flushBuffer();
    else this.timer ??= setTimeout(() => this.flushBuffer(), this.options.groupCommitMs);
    this.checkpointIfDue();
  }

  flushBuffer() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.folder.append(this.manifest.activeOps, this.buffer);
    this.buffer = [];
  }

  checkpointIfDue() {
    if (this.options.skipLoad || this.operations.length < this.options.checkpointThreshold) return;
    this.checkpoint();
  }

  checkpoint() {
    this.flushBuffer();
    this.publish(this.version);
    this.checkpoints += 1;
  }

  publish(version) {
    const now = new Date().toISOString();
    this.manifest = {
      version,
      currentSnapshot: this.folder.writeSnapshot(this.records, this.version),
      activeOps: this.folder.createLog(),
      archiveSegments: [...this.segments],
      stats: {
        activeRecords: this.records.size,
        archivedRecords: this.archived,
        opsCount: 0,
        created: this.created,
        lastCheckpoint: now,
      },
    };
    this.folder.writeManifest(this.manifest);
    this.operations = [];
    this.lines = [];
  }

  async batch(fn) {
    this.checkWritable();
    return this.enqueue(() => this.runBatch(fn));
  }

  runBatch(fn) {
    const before = { records: new Map(this.records), operations: [...this.operations] };
    const logged = [];
    this.batching = logged;
    try {
      fn();
    } catch (error) {
      Object.assign(this, before);
      throw error;
    } finally {
      this.batching = null;
    }
    if (logged.length === 0) return;
    this.buffer.push(...logged.map(lineOf));
    this.flushBuffer();
    this.checkpointIfDue();
  }

  async undo() {
    this.checkWritable();
    return this.enqueue(() => this.undoLast());
  }

  undoLast() {
    const last = this.operations.pop();
    if (!last) return false;
    const { operation, before, stood } = last;
    if (before === undefined) this.records.delete(operation.id);
    else if (operation.op === "set") this.records.set(operation.id, before);
    else this.records = new Map([...this.records].toSpliced(stood, 0, [operation.id, before]));
    if (this.buffer.length > 0) this.buffer.pop();
    else this.folder.cutLastLine(this.manifest.activeOps);
    return true;
  }

  async compact() {
    this.checkWritable();
    if (this.options.skipLoad)
      throw new Error("Cannot compact in skipLoad mode — in-memory Map is incomplete");
    return this.enqueue(() => this.checkpoint());
  }

  async archive(predicate, segment) {
    this.checkWritable();
    return this.enqueue(() => this.archiveMatching(predicate, segment));
  }

  archiveMatching(predicate, segment) {
    const matching = [...this.records].filter(([id, value]) => predicate(value, id));
    if (matching.length === 0) return 0;
    const now = new Date();
    const period = segment ?? `${now.getFullYear()}-Q${Math.floor(now.getMonth() / 3) + 1}`;
    const { name, growth } = this.folder.writeArchive(period, matching);
    if (!this.segments.includes(name)) this.segments.push(name);
    this.archived += growth;
    for (const [id] of matching) this.records.delete(id);
    this.checkpoint();
    return matching.length;
  }

  async flush() {
    if (this.opened) await this.enqueue(() => this.flushBuffer());
  }

  async sync() {
    await this.flush();
  }

  async close() {
    this.checkOpen();
    await this.enqueue(() => this.closeNow());
  }

  closeNow() {
    if (!this.options.readOnly) {
      this.flushBuffer();
      const due = this.options.checkpointOnClose && !this.options.skipLoad && this.operations.length > 0;
      if (due) this.checkpoint();
      this.folder.unlock();
    }
    this.opened = false;
  }

  async tail() {
    this.checkOpen();
    if (!this.options.readOnly) return this.enqueue(() => []);
    const { manifest, lines } = this;
    this.load(this.folder.readManifest());
    const logs = this.folder.logsBetween(manifest.activeOps, this.manifest.activeOps);
    const all = logs.flatMap((name) => this.folder.lines(name));
    const known = lines.findIndex((line, n) => line !== all[n]);
    return all.slice(known === -1 ? lines.length : known).map(operationOf);
  }

  async refresh() {
    await this.tail();
  }
}
