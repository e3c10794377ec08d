/** How each public method of Store is called in the state matrix, and what must come of it in each state. */

export const notOpen = { code: "OPSLOG_NOT_OPEN", message: "Store is not open. Call open() first." };
const readOnly = { code: "OPSLOG_READ_ONLY", message: "Store is read-only. Cannot perform mutations." };
const missing = { code: "OPSLOG_NOT_FOUND", message: "Record 'missing' not found" };
const noSegment = { code: "OPSLOG_NOT_FOUND", message: "Archive segment 'missing' not found" };
const noFolder = { code: "OPSLOG_INVALID_ARGUMENT", message: 'backup needs the path of a folder, got ""' };
const partial = { message: "Cannot compact in skipLoad mode — in-memory Map is incomplete" };

const there = { code: "OPSLOG_EXISTS", message: "Record 'stored' exists already" };
const blind = { code: "OPSLOG_SKIP_LOAD" };
const withinBatch = { code: "OPSLOG_INVALID_ARGUMENT" };
const changing = ["transaction", "insert", "update", "patch", "compareAndSet", "clear", "revert"];

const gives = (value) => ({ kind: "gives", value });
const throws = (error) => ({ kind: "throws", error });
const resolves = (value) => ({ kind: "resolves", value });
const rejects = (error) => ({ kind: "rejects", error });

export const stored = ["stored", { n: 1 }];
const all = () => true;
/** The first that an iterator gives; it is left then, as `break` leaves it, and keeps no file open. */
async function first(iterator) {
  const { value } = await iterator.next();
  await iterator.return();
  return value;
}

/** How each method is called; the folder holds "stored" in its snapshot and "logged" in its log. */
export const calls = {
  "get()": (store) => store.get("stored"),
  "fetch()": (store) => store.fetch("stored"),
  "set()": (store) => store.set("new", { n: 3 }),
  "delete()": (store) => store.delete("logged"),
  "delete() of a missing id": (store) => store.delete("missing"),
  "has()": (store) => store.has("stored"),
  "all()": (store) => store.all().length,
  "entries()": (store) => store.entries()[0],
  "filter()": (store) => store.filter(all).length,
  "filterAsync()": async (store) => (await store.filterAsync(all)).length,
  "count()": (store) => store.count(),
  "count() with a predicate": (store) => store.count(all),
  "find()": (store) => store.find({ n: 1 }),
  "findIds()": (store) => store.findIds({ n: 1 }),
  "findOne()": (store) => store.findOne({ n: 1 }),
  "countWhere()": (store) => store.countWhere({ n: { $gt: 0 } }),
  "explain()": (store) => store.explain({ n: 1 }),
  "whenIndexed()": (store) => store.whenIndexed(),
  "getMany()": (store) => store.getMany(["stored", "missing"]),
  "keys()": (store) => [...store.keys()],
  "values()": (store) => [...store.values()].length,
  "scan()": (store) => first(store.scan({ gte: "stored" })),
  "transaction()": (store) => store.transaction((tx) => tx.get("stored")),
  "insert()": (store) => store.insert("new", { n: 3 }),
  "insert() of an id that is there": (store) => store.insert("stored", { n: 3 }),
  "update()": (store) => store.update("stored", ({ n }) => ({ n: n + 1 })),
  "patch()": (store) => store.patch("stored", { m: 1 }),
  "compareAndSet()": (store) => store.compareAndSet("stored", { n: 1 }, { n: 2 }),
  "clear()": (store) => store.clear(),
  "batch()": (store) => store.batch(() => {}),
  "undo()": (store) => store.undo(),
  "at()": async (store) => (await store.at(new Date())).count(),
  "revert()": (store) => store.revert({ to: new Date() }),
  "getHistory()": (store) => store.getHistory("logged").length,
  "getOps()": (store) => store.getOps().length,
  "compact()": (store) => store.compact(),
  "backup() to no folder": (store) => store.backup(""),
  "prune()": (store) => store.prune({ keepBytes: 1e9 }),
  "prune() that only tells": (store) => store.prune({ dryRun: true }),
  "usage()": async (store) => (await store.usage()).snapshot.files,
  "archive()": (store) => store.archive(() => false),
  "loadArchive() of a missing segment": (store) => store.loadArchive("missing"),
  "listArchiveSegments()": (store) => store.listArchiveSegments(),
  "stats()": (store) => store.stats(),
  "getManifest()": (store) => store.getManifest()?.stats.activeRecords ?? null,
  "streamSnapshot()": (store) => first(store.streamSnapshot()),
  "getWalOps()": async (store) => (await first(store.getWalOps())).id,
  "changes()": async (store) => (await first(store.changes())).id,
  "refresh()": (store) => store.refresh(),
  "tail()": (store) => store.tail(),
  "watch()": (store) => store.watch(() => {}, 60_000),
  "unwatch()": (store) => store.unwatch(),
  "on()": (store) => store.on("change", all) === store,
  "off()": (store) => store.off("change", all) === store,
  "flush()": (store) => store.flush(),
  "sync()": (store) => store.sync(),
};

export const whenNotOpen = Object.fromEntries(
  Object.keys(calls).map((name) => {
    const method = name.slice(0, name.indexOf("("));
    if (method === "getManifest") return [name, gives(null)];
    if (method === "unwatch") return [name, gives(undefined)];
    if (method === "off") return [name, gives(true)];
    if (["flush", "sync"].includes(method)) return [name, resolves(undefined)];
    const asynchronous =
      "batch undo compact backup prune usage archive loadArchive streamSnapshot getWalOps changes refresh tail fetch filterAsync find findIds findOne countWhere explain whenIndexed scan at " +
      changing.join(" ");
    return [name, asynchronous.split(" ").includes(method) ? rejects(notOpen) : throws(notOpen)];
  }),
);

export const whenOpen = {
  "get()": gives(stored[1]),
  "set()": resolves(undefined),
  "delete()": resolves(undefined),
  "delete() of a missing id": rejects(missing),
  "has()": gives(true),
  "all()": gives(2),
  "entries()": gives(stored),
  "fetch()": resolves({ n: 1 }),
  "filter()": gives(2),
  "filterAsync()": resolves(2),
  "count()": gives(2),
  "count() with a predicate": gives(2),
  "find()": resolves([{ n: 1 }]),
  "findIds()": resolves(["stored"]),
  "findOne()": resolves({ n: 1 }),
  "countWhere()": resolves(2),
  "explain()": resolves({ indexes: [], keys: 0, records: 2, found: 1, isSortedByIndex: false }),
  "whenIndexed()": resolves(undefined),
  "getMany()": gives([{ n: 1 }, undefined]),
  "keys()": gives(["stored", "logged"]),
  "values()": gives(2),
  "scan()": resolves(stored),
  "transaction()": resolves({ n: 1 }),
  "insert()": resolves(undefined),
  "insert() of an id that is there": rejects(there),
  "update()": resolves({ n: 2 }),
  "patch()": resolves(undefined),
  "compareAndSet()": resolves(true),
  "clear()": resolves(2),
  "batch()": resolves(undefined),
  "undo()": resolves(true),
  "at()": resolves(2),
  "revert()": resolves(0),
  "getHistory()": gives(1),
  "getOps()": gives(1),
  "compact()": resolves(undefined),
  "backup() to no folder": rejects(noFolder),
  "prune()": resolves({ files: 0, bytes: 0 }),
  "prune() that only tells": resolves({ files: 2, bytes: 139 }),
  "usage()": resolves(1),
  "archive()": resolves(0),
  "loadArchive() of a missing segment": rejects(noSegment),
  "listArchiveSegments()": gives([]),
  "stats()": gives({ activeRecords: 2, opsCount: 1, archiveSegments: 0 }),
  "getManifest()": gives(1),
  "streamSnapshot()": resolves(stored),
  "getWalOps()": resolves("logged"),
  "changes()": resolves("stored"),
  "refresh()": resolves(undefined),
  "tail()": resolves([]),
  "watch()": gives(undefined),
  "unwatch()": gives(undefined),
  "on()": gives(true),
  "off()": gives(true),
  "flush()": resolves(undefined),
  "sync()": resolves(undefined),
};

/** What each call of a transaction rejects with. */
const transactionsReject = (error) =>
  Object.fromEntries(
    Object.keys(calls)
      .filter((name) => changing.includes(name.slice(0, name.indexOf("("))))
      .map((name) => [name, rejects(error)]),
  );

export const whenReadOnly = {
  ...whenOpen,
  ...transactionsReject(readOnly),
  "set()": throws(readOnly),
  "delete()": throws(readOnly),
  "delete() of a missing id": throws(readOnly),
  "batch()": rejects(readOnly),
  "undo()": rejects(readOnly),
  "compact()": rejects(readOnly),
  "prune()": rejects(readOnly),
  "archive()": rejects(readOnly),
};

export const whenInMemory = {
  ...whenOpen,
  // Superseded snapshots are gone already.
  "prune() that only tells": resolves({ files: 1, bytes: 86 }),
  "usage()": resolves(0),
};

export const whenBatching = {
  ...whenOpen,
  ...transactionsReject(withinBatch),
  "set()": gives(undefined),
  "delete()": gives(undefined),
  "delete() of a missing id": throws(missing),
};

export const whenSkipLoad = {
  ...whenOpen,
  ...transactionsReject(blind),
  "find()": resolves([]),
  "findIds()": resolves([]),
  "findOne()": resolves(undefined),
  "countWhere()": resolves(0),
  "explain()": resolves({ indexes: [], keys: 0, records: 0, found: 0, isSortedByIndex: false }),
  "getMany()": gives([undefined, undefined]),
  "keys()": gives([]),
  "values()": gives(0),
  "scan()": resolves(undefined),
  "filterAsync()": resolves(0),
  "get()": gives(undefined),
  "delete()": rejects({ code: "OPSLOG_NOT_FOUND", message: "Record 'logged' not found" }),
  "has()": gives(false),
  "all()": gives(0),
  "entries()": gives(undefined),
  "filter()": gives(0),
  "count()": gives(0),
  "count() with a predicate": gives(0),
  "undo()": resolves(false),
  "at()": rejects(blind),
  "getHistory()": gives(0),
  "getOps()": gives(0),
  "compact()": rejects(partial),
  "stats()": gives({ activeRecords: 0, opsCount: 0, archiveSegments: 0 }),
};
