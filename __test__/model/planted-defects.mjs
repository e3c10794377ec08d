/**
 * The ideal store with one defect each, of the kinds that a real store could have. The model test must find
 * every one: a defect that it misses is a hole in the generator or in a comparison.
 */
import { IdealStore } from "./ideal/store.mjs";

export const plantedDefects = {
  "set() beside a pending batch is lost": class extends IdealStore {
    plain(work) {
      const lost = this.waiting > 0 && !this.batching;
      return lost ? Promise.resolve() : super.plain(work);
    }
  },
  "delete and set again keeps the old position": class extends IdealStore {
    #deleted = new Map();

    apply(operation) {
      const { id, op } = operation;
      if (op === "delete") this.#deleted.set(id, [...this.records.keys()].indexOf(id));
      super.apply(operation);
      if (op !== "set" || !this.#deleted.has(id) || this.operations.at(-1).before !== undefined) return;
      const others = [...this.records].filter(([key]) => key !== id);
      others.splice(this.#deleted.get(id), 0, [id, operation.data]);
      this.records = new Map(others);
    }
  },
  "undo() cuts two lines": class extends IdealStore {
    undoLast() {
      const undone = super.undoLast();
      if (undone && this.buffer.length === 0 && this.operations.length > 2)
        this.folder.cutLastLine(this.manifest.activeOps);
      return undone;
    }
  },
  "batch() overtakes what is buffered": class extends IdealStore {
    flushBuffer() {
      if (this.overtaking)
        this.buffer = [...this.buffer.slice(this.overtaking), ...this.buffer.slice(0, this.overtaking)];
      super.flushBuffer();
    }

    runBatch(fn) {
      this.overtaking = this.buffer.length;
      try {
        return super.runBatch(fn);
      } finally {
        this.overtaking = 0;
      }
    }
  },
  "a previous value is never a delta": class extends IdealStore {
    write(op, id, value) {
      const before = this.records.get(id);
      const operation = super.write(op, id, value);
      if (operation.encoding) operation.prev = before;
      delete operation.encoding;
      return operation;
    }
  },
  "getOps(since) includes the moment itself": class extends IdealStore {
    getOps(since = "") {
      return this.operations.map(({ operation }) => operation).filter(({ ts }) => ts >= since);
    }
  },
  "a rolled-back batch puts what it deleted at the end": class extends IdealStore {
    runBatch(fn) {
      const before = [...this.records];
      let left;
      try {
        return super.runBatch(() => {
          try {
            fn();
          } finally {
            left = new Set(this.records.keys());
          }
        });
      } catch (error) {
        const gone = before.filter(([id]) => !left.has(id));
        this.records = new Map([...before.filter(([id]) => left.has(id)), ...gone]);
        throw error;
      }
    }
  },
  "an undone deletion puts its record at the end": class extends IdealStore {
    undoLast() {
      const last = this.operations.at(-1)?.operation;
      const isUndone = super.undoLast();
      if (!isUndone || last.op !== "delete") return isUndone;
      const record = this.records.get(last.id);
      this.records.delete(last.id);
      this.records.set(last.id, record);
      return true;
    }
  },
  "close() forgets what was not awaited": class extends IdealStore {
    enqueue(work) {
      return super.enqueue(() => (this.closing && work !== this.closing ? undefined : work()));
    }

    async close() {
      this.checkOpen();
      this.closing = () => this.closeNow();
      await this.enqueue(this.closing).finally(() => (this.closing = null));
    }
  },
  "a checkpoint comes one operation late": class extends IdealStore {
    checkpointIfDue() {
      if (this.operations.length > this.options.checkpointThreshold) super.checkpointIfDue();
    }
  },
  "tail() of a reader repeats after a checkpoint": class extends IdealStore {
    async tail() {
      const known = this.manifest.activeOps;
      const operations = await super.tail();
      if (this.options.readOnly && known !== this.manifest.activeOps)
        return [...operations, ...operations.slice(-1)];
      return operations;
    }
  },
  "the last operation before a crash is not on disk": class extends IdealStore {
    flushBuffer() {
      const held = this.logging && this.options.writeMode === "immediate" && this.buffer.length < 2;
      if (!held) super.flushBuffer();
    }

    logOne(work) {
      this.logging = true;
      try {
        super.logOne(work);
      } finally {
        this.logging = false;
      }
    }
  },
  "a message has one letter less": class extends IdealStore {
    write(op, id, value) {
      if (op === "delete" && !this.records.has(id)) throw new Error(`Record '${id}' not foun`);
      return super.write(op, id, value);
    }
  },
  "loadArchive() takes the first match": class extends IdealStore {
    async loadArchive(segment) {
      this.checkOpen();
      const name = this.segments.find((path) => path.includes(segment));
      return name ? new Map(Object.entries(this.folder.readArchive(name))) : super.loadArchive(segment);
    }
  },
  "archived records are counted twice": class extends IdealStore {
    archiveMatching(predicate, segment) {
      const count = super.archiveMatching(predicate, segment);
      if (count > 0) this.archived = this.manifest.stats.archivedRecords + count;
      return count;
    }
  },
  "a version bump skips the log": class extends IdealStore {
    load(manifest) {
      const migrate = this.options.migrate;
      const logged = new Set(this.folder.lines(manifest.activeOps).map((line) => JSON.parse(line).id));
      this.options.migrate = (record, from) => {
        const [id] = [...this.records].find(([, value]) => value === record) ?? [];
        return logged.has(id) ? record : migrate(record, from);
      };
      super.load(manifest);
      this.options.migrate = migrate;
    }
  },
  "N calls become visible one by one": class extends IdealStore {
    plain(work) {
      if (this.batching || !this.opened || this.options.readOnly) return super.plain(work);
      return this.enqueue(() => this.logOne(work));
    }
  },
  "get() gives a new object each time": class extends IdealStore {
    get(id) {
      return structuredClone(super.get(id));
    }
  },
  "a temporary file stays behind": class extends IdealStore {
    checkpoint() {
      super.checkpoint();
      if (this.checkpoints === 3) this.folder.append("snapshots/snap-1.jsonl.7-1.tmp", []);
    }
  },
  "a checkpoint that a batch set off can be undone": class extends IdealStore {
    runBatch(fn) {
      const { checkpoints, operations } = this;
      super.runBatch(fn);
      if (this.checkpoints !== checkpoints) this.operations = operations.slice(-1);
    }
  },
};
