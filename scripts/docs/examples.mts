/**
 * An example for each method and function, for the pages that `npm run docs` makes. A test compiles them and compares what they print
 * with what they say. `store` is open, in an empty folder.
 */
import {
  FsBackend,
  LamportClock,
  Store,
  acquireLock,
  applyDelta,
  createDelta,
  isDeltaSmaller,
  releaseLock,
  streamSnapshotFile,
  validateArchiveSegment,
  validateManifest,
  validateOp,
  validateSnapshot,
} from "@backloghq/opslog";

interface Task {
  title: string;
  done?: boolean;
  due?: number;
}

type Example = (store: Store<Task>, folder: string) => Promise<void> | void;

export const examples: Record<string, Example> = {
  async "Store.verify"(store, folder) {
    await store.set("milk", { title: "Buy milk" });
    const { ok, damage } = await Store.verify(folder); // also beside a writer
    console.log(ok, damage.length); // prints: true 0
  },
  async "Store.repair"(store, folder) {
    await store.close();
    const { steps, after } = await Store.repair(folder);
    console.log(steps.length, after?.ok); // prints: 0 true
  },
  async "Store.recover"(store, folder) {
    await store.set("milk", { title: "Buy milk" });
    await store.close();
    const { records, lost } = await Store.recover(folder, `${folder}-recovered`);
    console.log(records, lost.length); // prints: 1 0
  },
  "Store.recovery"(store) {
    console.log(store.recovery?.tornBytes, store.recovery?.skippedLines.length); // prints: 0 0
  },
  async "Store.open"(_, folder) {
    const reader = new Store<Task>();
    await reader.open(folder, { readOnly: true, cacheSize: 10_000 });
    console.log(reader.count()); // prints: 0
    await reader.close();
  },
  async "Store.close"(store, folder) {
    void store.set("milk", { title: "Buy milk" }); // not awaited: close() waits for it
    await store.close();
    await store.open(folder);
    console.log(store.has("milk")); // prints: true
  },
  async "Store.asyncDispose"(_, folder) {
    const reader = new Store<Task>();
    await reader.open(folder, { readOnly: true });
    // The end of a block that began with `await using reader` does this.
    await reader[Symbol.asyncDispose]();
    await reader[Symbol.asyncDispose](); // it is closed already: nothing happens
    console.log("closed"); // prints: closed
  },
  async "Store.get"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(store.get("milk")?.title, store.get("bread")); // prints: Buy milk undefined
    console.log(store.get("milk") === store.get("milk")); // prints: true
  },
  async "Store.set"(store) {
    await store.set("milk", { title: "Buy milk" });
    await Promise.all([1, 2, 3].map((n) => store.set(`task-${n}`, { title: `Task ${n}` })));
    console.log(store.count()); // prints: 4
  },
  async "Store.delete"(store) {
    await store.set("milk", { title: "Buy milk" });
    await store.delete("milk");
    await store.delete("milk")?.catch((error) => console.log(error.code)); // prints: OPSLOG_NOT_FOUND
  },
  async "Store.has"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(store.has("milk"), store.has("bread")); // prints: true false
  },
  async "Store.all"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(store.all()); // prints: [ { title: 'Buy milk' } ]
  },
  async "Store.entries"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(store.entries()); // prints: [ [ 'milk', { title: 'Buy milk' } ] ]
  },
  async "Store.filter"(store) {
    await store.set("milk", { title: "Buy milk", done: true });
    console.log(store.filter(({ done }) => !done).length); // prints: 0
  },
  async "Store.filterAsync"(store) {
    await store.set("milk", { title: "Buy milk", done: true });
    const done = await store.filterAsync((task) => task.done === true, {
      signal: AbortSignal.timeout(60_000),
    });
    console.log(done.length); // prints: 1
  },
  async "Store.find"(store) {
    await store.set("milk", { title: "Buy milk", due: 2 });
    await store.set("bread", { title: "Buy bread", due: 1 });
    const soon = await store.find({ due: { $lt: 10 } }, { sort: { due: 1 }, limit: 10, fields: ["title"] });
    console.log(soon); // prints: [ { title: 'Buy bread' }, { title: 'Buy milk' } ]
  },
  async "Store.findIds"(store) {
    await store.set("milk", { title: "Buy milk", due: 2 });
    console.log(await store.findIds({ due: 2 })); // prints: [ 'milk' ]
  },
  async "Store.findOne"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(await store.findOne({ title: /milk/ })); // prints: { title: 'Buy milk' }
  },
  async "Store.countWhere"(store) {
    await store.set("milk", { title: "Buy milk", done: true });
    console.log(await store.countWhere({ done: true })); // prints: 1
  },
  async "Store.explain"(store, folder) {
    await store.close();
    await store.open(folder, { indexes: { due: {} } });
    await store.batch(() => {
      for (let n = 0; n < 100; n++) store.set(`task-${n}`, { title: `Task ${n}`, due: n });
    });
    const { indexes, records } = await store.explain({ due: 7 });
    console.log(indexes, records); // prints: [ 'due' ] 1
  },
  async "Store.whenIndexed"(store, folder) {
    await store.close();
    await store.open(folder, { indexes: { due: {} } });
    await store.whenIndexed(); // from here on queries use the index
    console.log("indexed"); // prints: indexed
  },
  async "Store.fetch"(store, folder) {
    await store.set("milk", { title: "Buy milk" });
    await store.close();
    await store.open(folder, { readOnly: true, skipLoad: true });
    console.log(store.count(), await store.fetch("milk")); // prints: 0 { title: 'Buy milk' }
  },
  async "Store.getMany"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(store.getMany(["bread", "milk"])); // prints: [ undefined, { title: 'Buy milk' } ]
  },
  async "Store.keys"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log([...store.keys()]); // prints: [ 'milk' ]
  },
  async "Store.values"(store) {
    await store.set("milk", { title: "Buy milk" });
    for (const task of store.values()) console.log(task.title); // prints: Buy milk
  },
  async "Store.iterator"(store) {
    await store.set("milk", { title: "Buy milk" });
    for (const [id, task] of store) console.log(id, task.title); // prints: milk Buy milk
  },
  async "Store.scan"(store) {
    for (const id of ["home:2", "work:1", "home:1"]) await store.set(id, { title: id });
    for await (const [id] of store.scan({ prefix: "home:", limit: 1 })) console.log(id); // prints: home:1
  },
  "Store.getManifest"(store) {
    console.log(store.getManifest()?.archiveSegments); // prints: []
  },
  async "Store.streamSnapshot"(store) {
    await store.set("milk", { title: "Buy milk" });
    await store.compact();
    await store.set("bread", { title: "Buy bread" }); // in the log, not in the snapshot
    for await (const [id] of store.streamSnapshot()) console.log(id); // prints: milk
  },
  async "Store.getWalOps"(store) {
    await store.set("milk", { title: "Buy milk" });
    for await (const { op, id } of store.getWalOps()) console.log(op, id); // prints: set milk
  },
  async "Store.count"(store) {
    await store.set("milk", { title: "Buy milk", done: true });
    console.log(
      store.count(),
      store.count(({ done }) => !done),
    ); // prints: 1 0
  },
  async "Store.batch"(store) {
    await store.batch((batch) => {
      batch.set("milk", { title: "Buy milk" });
      batch.set("bread", { title: "Buy bread" });
    });
    console.log(store.count()); // prints: 2
  },
  async "Store.transaction"(store) {
    await store.set("milk", { title: "Buy milk", due: 1 });
    const due = await store.transaction((tx) => {
      const task = tx.get("milk");
      if (task === undefined) throw new Error("there is no such task");
      const next = { ...task, due: (task.due ?? 0) + 7 };
      tx.set("milk", next);
      return next.due;
    });
    console.log(due); // prints: 8
  },
  async "Store.insert"(store) {
    await store.insert("milk", { title: "Buy milk" });
    await store.insert("milk", { title: "Buy milk" }).catch((error) => console.log(error.code)); // prints: OPSLOG_EXISTS
  },
  async "Store.update"(store) {
    await store.set("milk", { title: "Buy milk", due: 1 });
    const task = await store.update("milk", (current) => current && { ...current, due: 2 });
    console.log(task?.due); // prints: 2
  },
  async "Store.patch"(store) {
    await store.set("milk", { title: "Buy milk", due: 1 });
    await store.patch("milk", { done: true, due: undefined });
    console.log(store.get("milk")); // prints: { title: 'Buy milk', done: true }
  },
  async "Store.compareAndSet"(store) {
    await store.set("milk", { title: "Buy milk" });
    const seen = store.get("milk");
    console.log(await store.compareAndSet("milk", seen, { title: "Buy oat milk" })); // prints: true
    console.log(await store.compareAndSet("milk", seen, { title: "Buy two milks" })); // prints: false
  },
  async "Store.clear"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(await store.clear(), store.count()); // prints: 1 0
  },
  async "Store.undo"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(await store.undo(), store.count()); // prints: true 0
    console.log(await store.undo()); // prints: false
  },
  async "Store.changes"(store) {
    await store.set("milk", { title: "Buy milk" });
    await store.compact(); // the history goes on through checkpoints
    await store.delete("milk");
    for await (const change of store.changes({ id: "milk" })) console.log(change.type, change.id);
    // prints: set milk
    // prints: delete milk
  },
  async "Store.on"(store) {
    const told = new Promise<void>((resolve) => {
      store.on("change", (changes) => {
        for (const { type, id } of changes) console.log(type, id); // prints: set milk
        resolve();
      });
    });
    await store.set("milk", { title: "Buy milk" });
    await told;
  },
  async "Store.off"(store) {
    const listener = () => console.log("told");
    store.on("change", listener);
    store.off("change", listener);
    await store.set("milk", { title: "Buy milk" });
    console.log("not told"); // prints: not told
  },
  async "Store.position"(store) {
    const { position } = store;
    await store.set("milk", { title: "Buy milk" });
    for await (const { id } of store.changes({ after: position })) console.log(id); // prints: milk
  },
  async "Store.at"(store) {
    await store.set("milk", { title: "Buy milk" });
    const { position } = store;
    await store.delete("milk");
    const view = await store.at(position); // or a Date, or an ISO time
    console.log(view.get("milk")?.title, store.has("milk")); // prints: Buy milk false
    view.close();
  },
  async "Store.revert"(store) {
    await store.set("milk", { title: "Buy milk" });
    const { position } = store;
    await store.delete("milk");
    console.log(await store.revert({ to: position }), store.has("milk")); // prints: 1 true
  },
  async "Store.getHistory"(store) {
    await store.set("milk", { title: "Buy milk" });
    await store.set("milk", { title: "Buy oat milk" });
    console.log(store.getHistory("milk").length); // prints: 2
  },
  async "Store.getOps"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(store.getOps().map(({ op, id }) => `${op} ${id}`)); // prints: [ 'set milk' ]
  },
  async "Store.compact"(store) {
    await store.set("milk", { title: "Buy milk" });
    await store.compact({
      onProgress: ({ done, total, unit }) => console.error(`${done} of ${total} ${unit}`),
    });
    console.log(store.stats().opsCount); // prints: 0
  },
  async "Store.backup"(store, folder) {
    await store.set("milk", { title: "Buy milk" });
    const { files } = await store.backup(`${folder}-copy`);
    console.log(files > 0); // prints: true
  },
  async "Store.prune"(store) {
    await store.set("milk", { title: "Buy milk" });
    await store.compact();
    const { files } = await store.prune({ dryRun: true });
    console.log(files > 0); // prints: true
  },
  async "Store.usage"(store) {
    await store.set("milk", { title: "Buy milk" });
    const { log, sealed } = await store.usage();
    console.log(log.files, sealed.files); // prints: 1 0
  },
  async "Store.archive"(store) {
    await store.set("milk", { title: "Buy milk", done: true });
    console.log(await store.archive(({ done }) => done === true, "2026-Q1")); // prints: 1
    console.log(store.count()); // prints: 0
  },
  async "Store.listArchiveSegments"(store) {
    await store.set("milk", { title: "Buy milk", done: true });
    await store.archive(() => true, "2026-Q1");
    console.log(store.listArchiveSegments()); // prints: [ 'archive/archive-2026-Q1.json' ]
  },
  async "Store.loadArchive"(store) {
    await store.set("milk", { title: "Buy milk", done: true });
    await store.archive(() => true, "2026-Q1");
    const archived = await store.loadArchive("2026-Q1");
    console.log(archived.get("milk")?.title); // prints: Buy milk
  },
  async "Store.stats"(store) {
    await store.set("milk", { title: "Buy milk" });
    console.log(store.stats()); // prints: { activeRecords: 1, opsCount: 1, archiveSegments: 0 }
  },
  async "Store.refresh"(store, folder) {
    const reader = new Store<Task>();
    await reader.open(folder, { readOnly: true });
    await store.set("milk", { title: "Buy milk" });
    await reader.refresh();
    console.log(reader.count()); // prints: 1
    await reader.close();
  },
  async "Store.tail"(store, folder) {
    const reader = new Store<Task>();
    await reader.open(folder, { readOnly: true });
    await store.set("milk", { title: "Buy milk" });
    console.log((await reader.tail()).map(({ id }) => id)); // prints: [ 'milk' ]
    await reader.close();
  },
  async "Store.watch"(store, folder) {
    const reader = new Store<Task>();
    await reader.open(folder, { readOnly: true });
    const seen = new Promise<void>((resolve) => {
      reader.watch((operations) => {
        console.log(operations.map(({ id }) => id)); // prints: [ 'milk' ]
        resolve();
      }, 10);
    });
    await store.set("milk", { title: "Buy milk" });
    await seen;
    await reader.close();
  },
  async "Store.unwatch"(_, folder) {
    const reader = new Store<Task>();
    await reader.open(folder, { readOnly: true });
    reader.watch((operations) => console.log(operations.length));
    reader.unwatch();
    await reader.close();
    console.log("ended"); // prints: ended
  },
  async "Store.flush"(store, folder) {
    await store.close();
    await store.open(folder, { writeMode: "async" });
    await store.set("milk", { title: "Buy milk" }); // in the buffer
    await store.flush(); // in the log
    console.log((await Store.verify(folder)).operations); // prints: 1
  },
  async "Store.sync"(store, folder) {
    await store.close();
    await store.open(folder, { durability: "interval" });
    await store.set("milk", { title: "Buy milk" });
    await store.sync(); // survives a power failure from here on
    console.log(store.count()); // prints: 1
  },
  async FsBackend(store, folder) {
    const backend = new FsBackend();
    await backend.initialize(folder, { readOnly: false });
    await backend.writeBlob("images/milk.txt", Buffer.from("a picture")); // a file of the program's own
    console.log(String(await backend.readBlob("images/milk.txt"))); // prints: a picture
    await backend.shutdown();
    console.log(store.count()); // prints: 0
  },
  LamportClock() {
    const clock = new LamportClock();
    console.log(clock.tick(), clock.merge(7), clock.current); // prints: 1 8 8
  },
  createDelta() {
    const patch = createDelta({ title: "Buy milk", due: 1 }, { title: "Buy milk", due: 2 });
    console.log(patch); // prints: { '$set': { due: 1 } }
  },
  applyDelta() {
    console.log(applyDelta({ title: "Buy milk", due: 2 }, { $set: { due: 1 } })); // prints: { title: 'Buy milk', due: 1 }
  },
  isDeltaSmaller() {
    const before = { title: "Buy milk, and much else", due: 1 };
    const patch = createDelta(before, { ...before, due: 2 });
    console.log(isDeltaSmaller(patch, before)); // prints: true
  },
  async streamSnapshotFile(store, folder) {
    await store.set("milk", { title: "Buy milk" });
    await store.compact();
    const snapshot = store.getManifest()?.currentSnapshot ?? "";
    for await (const [id, task] of streamSnapshotFile<Task>(folder, snapshot)) console.log(id, task.title); // prints: milk Buy milk
  },
  async acquireLock(store, folder) {
    await store.close();
    const handle = await acquireLock(folder);
    await store.open(folder).catch((error) => console.log(error.code)); // prints: OPSLOG_LOCKED
    await releaseLock(folder, handle);
  },
  async releaseLock(store, folder) {
    await store.close();
    await releaseLock(folder, await acquireLock(folder));
    await store.open(folder);
    console.log("open"); // prints: open
  },
  validateOp() {
    const raw: unknown = JSON.parse('{"ts":"2026-01-31T09:00:00.000Z","op":"delete","id":"milk","prev":{}}');
    console.log(validateOp<Task>(raw).id); // prints: milk
  },
  async validateManifest(store, folder) {
    const { readFile } = await import("node:fs/promises");
    await store.close();
    const raw: unknown = JSON.parse(await readFile(`${folder}/manifest.json`, "utf8"));
    console.log(validateManifest(raw).version); // prints: 1
  },
  validateSnapshot() {
    const raw: unknown = {
      version: 1,
      timestamp: "2026-01-31T09:00:00.000Z",
      records: { milk: { title: "Buy milk" } },
    };
    console.log(Object.keys(validateSnapshot<Task>(raw).records)); // prints: [ 'milk' ]
  },
  validateArchiveSegment() {
    const raw: unknown = {
      version: 1,
      period: "2026-Q1",
      timestamp: "2026-04-01T00:00:00.000Z",
      records: {},
    };
    console.log(validateArchiveSegment<Task>(raw).period); // prints: 2026-Q1
  },
};
