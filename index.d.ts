// NOTE: without the types of Node (and for the last one, of the web) these are `any`, and a check of declaration files goes through all the same.
// @ts-ignore
import type { Buffer } from "node:buffer";
// @ts-ignore
import type { FileHandle } from "node:fs/promises";
type AbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : any;
// Only what says `export` is exported.
export {};

// `Symbol.asyncDispose` for consumers whose `lib` and @types/node do not have it yet.
declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** A `file:` URL object, such as `new URL("./data", import.meta.url)`. */
export interface FileUrl {
  /** The URL as text. */
  readonly href: string;
  /** `"file:"`. */
  readonly protocol: string;
}

/** One entry of the log. */
export interface Operation<T = Record<string, unknown>> {
  /** When the operation was made: ISO 8601, UTC, milliseconds. */
  ts: string;
  /** What the operation does. */
  op: "set" | "delete";
  /** Which record. */
  id: string;
  /** The new value; present for `set`. */
  data?: T;
  /**
   * What was there before: `null` for a create, the full record, or, when `encoding` is `"delta"`, a
   * `DeltaPatch` that leads back to it.
   */
  prev: T | null;
  /** How `prev` is written. Absent means `"full"`. */
  encoding?: "full" | "delta";
  /** The agent that made it; present when the store was opened with an `agentId`. */
  agent?: string;
  /** Lamport clock value; present when the store was opened with an `agentId`. */
  clock?: number;
}

/** A set whose `prev` is the full previous value, or `null` for a create. */
export interface FullSetOperation<T = Record<string, unknown>> extends Operation<T> {
  /** A record was set. */
  op: "set";
  /** The new value. */
  data: T;
  /** `prev` is written in full. */
  encoding?: "full";
}

/** A set whose `prev` is a patch that leads from `data` back to the previous value: `applyDelta(data, prev)`. */
export interface DeltaSetOperation<T = Record<string, unknown>> extends Operation<T> {
  /** A record was set. */
  op: "set";
  /** The new value. */
  data: T;
  /** `prev` is a patch. */
  encoding: "delta";
  /** The patch. */
  prev: T & DeltaPatch;
}

/** A delete of a record, with the value that it had. */
export interface DeleteOperation<T = Record<string, unknown>> extends Operation<T> {
  /** A record was deleted. */
  op: "delete";
  /** There is none. */
  data?: never;
  /** What was deleted. */
  prev: T;
  /** `prev` is written in full. */
  encoding?: "full";
}

/** An operation as a store returns it: `op` tells whether there is `data`, and `encoding` what `prev` is. */
export type LoggedOperation<T = Record<string, unknown>> =
  FullSetOperation<T> | DeltaSetOperation<T> | DeleteOperation<T>;

/**
 * Where an operation stands in the history of a store, as text without a meaning of its own. It holds through checkpoints,
 * restarts and copies by `backup()`.
 */
export type Position = string;

interface ChangeBase<T> {
  /** Where the operation stands in the history: `changes({ after: position })` continues after it. */
  position: Position;
  /** When the operation was made: ISO 8601, UTC, milliseconds. */
  ts: string;
  /** Which record. */
  id: string;
  /** The full value that was there before; `null` if there was none. */
  before: T | null;
  /** The agent that made it; present for an operation of an agent. */
  agent?: string;
  /** Lamport clock value; present for an operation of an agent. */
  clock?: number;
  /**
   * The position of the first operation of its batch; present if the batch has several operations. `close()` without a
   * checkpoint turns the batches that are still in the log into single operations.
   */
  batch?: Position;
}

/** A record was created or replaced. */
export interface SetChange<T = Record<string, unknown>> extends ChangeBase<T> {
  /** A record was set. */
  type: "set";
  /** The new value. */
  value: T;
}

/** A record was deleted. */
export interface DeleteChange<T = Record<string, unknown>> extends ChangeBase<T> {
  /** A record was deleted. */
  type: "delete";
  /** There is none. */
  value?: undefined;
}

/** An operation of the history, as `changes()` yields it. */
export type Change<T = Record<string, unknown>> = SetChange<T> | DeleteChange<T>;

/** An operation that `changes()` has already yielded was undone. Several retractions come in reverse order of their operations. */
export interface Retraction {
  /** An operation was undone. */
  type: "undone";
  /** The position of the operation that was undone. `changes({ after: position })` with it rejects with `OPSLOG_POSITION_GONE`. */
  position: Position;
  /** The position to continue from instead: the one before the operation. */
  after: Position;
  /** Which record. */
  id: string;
}

/** Which operations `changes()` yields, and in which order. */
export interface ChangesOptions {
  /** Only operations after this position (default: all in the logs). */
  after?: Position | undefined;
  /** Only operations later than this time, a `Date` or an ISO time (default: all). */
  since?: Date | string | undefined;
  /** Only operations up to and including this time, a `Date` or an ISO time (default: all). */
  until?: Date | string | undefined;
  /** Only operations on this record (default: on all). `null` is refused. */
  id?: string | undefined;
  /** Newest first (default: false). */
  reverse?: boolean | undefined;
  /** At most this many operations (default: no limit). */
  limit?: number | undefined;
  /**
   * Continue with new operations until `signal`, `return()` or `close()` ends the iteration (default: false). Cannot be combined with
   * `reverse` or `until`.
   */
  live?: boolean | undefined;
  /** Ends the iteration with the signal's reason (default: none). */
  signal?: AbortSignal | undefined;
}

/** A snapshot in the old format: one JSON document. */
export interface Snapshot<T = Record<string, unknown>> {
  /** The application's schema version, an integer from 1. */
  version: number;
  /** When it was taken: ISO 8601. */
  timestamp: string;
  /** The records by id. */
  records: Record<string, T>;
}

/** The content of `manifest.json`: which files make up the store. */
export interface Manifest {
  /** The application's schema version. */
  version: number;
  /** Path of the snapshot, relative to the store's folder. */
  currentSnapshot: string;
  /** Path of the log, relative to the store's folder. */
  activeOps: string;
  /** The agents' logs by agentId; present when there are many writers. */
  activeAgentOps?: Record<string, string>;
  /** Paths of the archive segments. */
  archiveSegments: string[];
  /** Counts and times. */
  stats: ManifestStats;
}

/** Counts and times in the manifest. */
export interface ManifestStats {
  /** Records in the snapshot. */
  activeRecords: number;
  /** Records that were moved to archive segments. */
  archivedRecords: number;
  /** Always 0: operations are counted in the log, see `store.stats()`. */
  opsCount: number;
  /** When the store was created: ISO 8601, UTC. */
  created: string;
  /** When the snapshot was taken: ISO 8601, UTC. */
  lastCheckpoint: string;
}

/** The content of an archive segment. */
export interface ArchiveSegment<T = Record<string, unknown>> {
  /** The format's version, 1. */
  version: number;
  /** The segment's name, as it was given to `archive()`. */
  period: string;
  /** When it was last written: ISO 8601. */
  timestamp: string;
  /** The records by id. */
  records: Record<string, T>;
}

/** What `store.getManifest()` shows. */
export interface ManifestInfo {
  /** Path of the snapshot, relative to the store's folder. */
  readonly currentSnapshot: string;
  /** Path of the log, relative to the store's folder; with agents: that of the agent that compacted last. */
  readonly activeOps: string;
  /** Paths of the archive segments. */
  readonly archiveSegments: readonly string[];
  /** Counts and times as of the last checkpoint. */
  readonly stats: Readonly<ManifestStats>;
}

/**
 * Options of `store.open()`. An option that is `undefined` means its default. A value of a wrong type is refused with a
 * `TypeError`, a value out of range with a `RangeError`; both have the code `OPSLOG_INVALID_ARGUMENT` and name the option.
 * A misspelled option of any method is refused with such a `TypeError`. Any other unknown option is ignored, and reported
 * once as a warning of the process with the code `OPSLOG_UNKNOWN_OPTION`.
 */
export interface StoreOptions<T = any> {
  /**
   * Start a checkpoint once this many operations have been logged since the last one (default: 100). `Infinity` means
   * never, zero or less means at every operation. An explicit threshold holds exactly. The default threshold also waits for
   * the log to grow: if the snapshot has 1 MB or more, to a quarter of the snapshot's bytes; with an `agentId`, also to at
   * least 256 KB.
   */
  checkpointThreshold?: number | undefined;
  /** Checkpoint in `close()` if operations were logged (default: true). */
  checkpointOnClose?: boolean | undefined;
  /**
   * The application's schema version, an integer from 1 to 2^31-1. Records of a lower version are migrated. A writer is
   * refused with `OPSLOG_NEWER_VERSION` if the store has records of a higher version. By default there is no `version`:
   * records are taken as they are, and written in the version that the store has (a new store: 1).
   */
  version?: number | undefined;
  /**
   * Called for each record that comes from a file or an agent of a lower version than `version`, with that version; returns
   * the record in its new shape (default: as it is). Must be synchronous. If it throws, `open()` rejects and no record is
   * changed; `tail()` and `refresh()` of a reader reject and show none of the operations that they read; the next call
   * reads all of them again.
   */
  migrate?: ((record: any, fromVersion: number) => unknown) | undefined;
  /** Take no lock and write nothing at all; mutations throw `OPSLOG_READ_ONLY` (default: false). */
  readOnly?: boolean | undefined;
  /**
   * Load nothing: reads show only records that this session wrote or `tail()` returned, and the store never makes a checkpoint (default:
   * false). `fetch()` reads single records. The first `tail()` returns the operations of the logs, as in 0.8.1. `streamSnapshot()` and `getWalOps()` read the files as usual.
   */
  skipLoad?: boolean | undefined;
  /**
   * Where the files are (default: a new `FsBackend`). An unmodified `FsBackend` is served natively; any other
   * object is driven through its methods.
   */
  backend?: StorageBackend | undefined;
  /**
   * The name of this writer, for many writers in one folder: each agent has its own log, and operations are ordered by
   * Lamport clock, then by agentId. Only one open store can have a given name. The name is not empty, has no slash,
   * backslash, control character or leading dot, and at most 150 bytes (default: none, a single writer).
   */
  agentId?: string | undefined;
  /**
   * What keeps a second writer out (default: `"kernel"`).
   * - `"kernel"`: a lock of the system's, which ends with its process, in containers too. On a file system without such
   *   locks (some network shares and FUSE file systems) `open()` rejects with `OPSLOG_UNSUPPORTED`.
   * - `"pid"`: on such a file system the process's number in `.lock`, as in 0.8.1. It keeps writers of one machine apart,
   *   but not those of two machines or containers. If a writer has died and another process has reused its number, the next
   *   writer is refused, unless the system tells which files that process has open. Kernel locks are used as well, where
   *   the file system has them.
   *
   * Agents need kernel locks: `"pid"` with an `agentId` makes `open()` reject with `OPSLOG_INVALID_ARGUMENT`. The option is
   * passed on to `initialize()` of a backend, and `FsBackend` follows it.
   */
  locking?: "kernel" | "pid" | undefined;
  /**
   * When a write is on its way to the disk (default: `"immediate"`).
   * - `"immediate"`: before the call returns its promise; a resolved write survives the death of the process.
   * - `"group"`: together with other writes, see `groupCommitSize` and `groupCommitMs`; buffered writes are lost if
   *   the process dies.
   * - `"async"`: as `"group"`, but promises resolve at once; call `sync()` before relying on a write.
   *
   * With an `agentId` it is always `"immediate"`, and a line on the console says so.
   */
  writeMode?: "immediate" | "group" | "async" | undefined;
  /**
   * How many records are kept as live objects, a positive integer (default: `Infinity`, all that were read). With a number,
   * the least recently read ones are dropped: `get(id) === get(id)` holds only while a record is kept, and `filter()`,
   * `all()` and `entries()` make new objects each time.
   */
  cacheSize?: number | undefined;
  /**
   * Refuse values of which JSON would silently change or leave out a part (default: false, as 0.8.1). The error is
   * `OPSLOG_INVALID_VALUE`, and its message names the place. Such values are `NaN`, infinities, functions, symbols,
   * `undefined` in a list, Dates, Maps, Sets, promises and all other instances of classes. A field that is `undefined` is
   * allowed: it reads as `undefined` afterwards. With a `replacer` its results are checked instead of the values. With a
   * `reviver` Dates are allowed, since it can make them from their text again.
   */
  strictJson?: boolean | undefined;
  /**
   * Called for each value within a value that is stored, as by `JSON.stringify()`: `this` is the object or list that holds it, and what it
   * returns is stored instead (default: none). A Date comes as its text; `this[key]` is the Date itself.
   */
  replacer?: ((this: any, key: string, value: any) => unknown) | undefined;
  /**
   * Called for each value within a value that is read, as by `JSON.parse()`, from the innermost outwards: its result takes
   * the place of the value (default: none). So a program gets back the values that `replacer` changed, wherever the store
   * returns values or passes them to a function: `get()`, `find()`, views, operations, changes, archives, `migrate`. Files
   * and backends hold the JSON, and queries and indexes go by it. See docs/queries.md.
   */
  reviver?: ((this: any, key: string, value: any) => unknown) | undefined;
  /**
   * Indexes that `find()`, `findOne()`, `countWhere()` and pages of sorted records use (default: none): the path of a
   * field, or several with commas between them, each with its options. A record whose field is a list is found by each
   * element. Indexes are kept beside the snapshot, in `index/`, and follow every change; `open()` does not get slower. An
   * index that is missing or damaged is made on another thread, and reported to `onProgress` as `"build-index"`. Until it
   * is there, queries try each record, and `whenIndexed()` waits for it. `open()` itself waits for a unique index that must
   * be made first. At most 64; invalid names are refused with `OPSLOG_INVALID_ARGUMENT`.
   */
  indexes?: Indexes<T> | undefined;
  /** Write the buffer once it holds this many operations (default: 50). For `"group"` and `"async"`. */
  groupCommitSize?: number | undefined;
  /** Write the buffer after this many milliseconds, at most 2^31-1 (default: 100). For `"group"` and `"async"`. */
  groupCommitMs?: number | undefined;
  /**
   * What a resolved write survives (default: `"process"`). Snapshots, archive segments and manifests are always
   * synced, whatever this says.
   * - `"process"`: the death of the process, also by `kill -9`. A power failure may take lines that the system has not
   *   written back yet.
   * - `"interval"`: also a power failure, once the log has been synced. That happens in the background within
   *   `syncIntervalMs`, and before `flush()`, `sync()` and `close()` resolve. Costs writers next to nothing.
   * - `"always"`: also a power failure. `set()`, `delete()`, `batch()`, `undo()` and `archive()` resolve after an
   *   `fdatasync` (macOS: `F_FULLFSYNC`) that began after their lines were written: the time of a disk's flush. All
   *   waiting calls share one, so a thousand writes in flight cost about as much as one. It runs on a thread of its own.
   *   What reads show, and in which order writes take effect, is as with `"process"`: only the promises wait.
   *
   * With `writeMode` `"group"` or `"async"`, `set()` and `delete()` resolve as the write mode says, before any sync. Under
   * `"always"` each write of the buffer is followed by a sync, and `batch()`, `undo()`, `flush()`, `sync()` and `close()`
   * wait for theirs.
   *
   * A sync that fails is never tried again, for a second one may succeed without having written anything. Calls
   * that wait for it reject with `OPSLOG_IO` (`syscall` is `"fdatasync"` or `"fsync"`): reads show the write, but a power
   * failure may lose it. From then on writes, `flush()`, `sync()` and `close()` are refused with
   * `OPSLOG_FAILED`, and reads go on. After opening the store again, call `compact()`: it writes everything to new
   * files. The `diagnostics_channel` `opslog:sync-failed` reports it too, also where no call waits.
   *
   * For stores in a folder only: with a `backend` of your own, anything but `"process"` makes `open()` reject with
   * `OPSLOG_INVALID_ARGUMENT`. A read-only store ignores it.
   */
  durability?: "process" | "interval" | "always" | undefined;
  /**
   * What `open()` does with a malformed line in a log that has other lines after it; no crash leaves such a line (default:
   * `"skip"`). `"skip"`: the line is skipped, as in 0.8.1, and reported in {@link Store.recovery}. `"strict"`: `open()`
   * rejects with `OPSLOG_CORRUPT`, naming the file and the offset, and leaves the file as it is. With `"strict"` every line
   * is read at open, also of a log that has an index. A torn end, which a crash can leave, is set aside with both values.
   * Logs that `skipLoad` does not read are not looked at.
   *
   * For stores in a folder only: with a `backend` of your own, `"strict"` makes `open()` reject with
   * `OPSLOG_INVALID_ARGUMENT`.
   */
  recovery?: "skip" | "strict" | undefined;
  /** Milliseconds until writes are synced, greater than 0, at most 2^31-1 (default: 1000). For `"interval"`. */
  syncIntervalMs?: number | undefined;
  /**
   * Milliseconds that a call of a method of your own `backend` may take, greater than 0, at most 2^31-1, or `Infinity`
   * (default: `Infinity`). A call that has not settled by then fails with `OPSLOG_TIMEOUT`, and the error names the method.
   * What the call does may still take effect: the store finds that out before it acknowledges anything else.
   */
  backendTimeoutMs?: number | undefined;
  /**
   * How much of the history is kept: sealed logs beyond a limit are deleted behind each checkpoint of this store, oldest first, as
   * `prune()` does (default: everything is kept). Ignored by a read-only store. Behind a backend without `deleteOpsFile()` `open()`
   * rejects with `OPSLOG_UNSUPPORTED`.
   */
  retain?: RetainOptions | undefined;
  /**
   * Called with the progress of `open()`, see `ProgressOptions` (default: no function). An `open()` that uses index files
   * has little or nothing to report. Through a backend of your own nothing is reported while `migrate` runs.
   */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * How much of the history is kept. A sealed log is deleted as soon as one of the limits says so, unless a process of this
 * machine still needs it or an older one. Limits are applied at the next checkpoint, not before. They do not cover
 * superseded snapshots, which `prune()` deletes as well: those that this version wrote are deleted 10 seconds after a
 * second newer one, those of 0.8.1 stay.
 */
export interface RetainOptions {
  /** How many bytes of the newest sealed logs stay, including their indexes (default: `Infinity`). */
  bytes?: number | undefined;
  /** A log is deleted when its last operation is older than this many milliseconds (default: `Infinity`). */
  ms?: number | undefined;
  /**
   * For how many of the last checkpoints the logs that they sealed stay (default: `Infinity`). An empty log does not count;
   * among agents, a log that an agent began between two checkpoints may count as one more.
   */
  checkpoints?: number | undefined;
  /**
   * How many of the last operations can still be undone, and are shown by `getOps()` and `getHistory()`, across checkpoints
   * and restarts (default: 0, as 0.8.1; at most 10,000). A checkpoint does not end that: it carries them to the next log.
   * All operations of a batch stay. `archive()`, a migration and the first agent that opens the folder end this for all
   * earlier operations. After a checkpoint `stats().opsCount` begins with the number of these operations, and
   * `checkpointThreshold` counts only the later ones. Works in folders, in memory and behind backends. With an `agentId` `open()`
   * rejects with `OPSLOG_UNSUPPORTED`.
   */
  undo?: number | undefined;
}

/** Options of `Store.recover()`. */
export interface RecoverOptions extends ProgressOptions {
  /** Ends the recovery when it is aborted (default: none). */
  signal?: AbortSignal | undefined;
}

/** A loss: a record or a part of a file that `Store.recover()` could not bring back. */
export interface Loss {
  /** The damaged or missing file. */
  readonly path: string;
  /** Where in it, in bytes; `null` for the whole file. */
  readonly offset: number | null;
  /** What is wrong there. */
  readonly what: string;
  /** The record, where its id can be read. */
  readonly id: string | null;
}

/** What `Store.recover()` has done. */
export interface RecoverReport {
  /** Records of the new store. */
  readonly records: number;
  /** Records among these that come from older snapshots and sealed logs. */
  readonly fromHistory: number;
  /** Operations of the logs in force that were replayed. */
  readonly operations: number;
  /** Records in the archive segments of the new store. */
  readonly archivedRecords: number;
  /** How many records of the snapshot, by the manifest's count, were found nowhere; 0 if the manifest cannot be read. */
  readonly missingRecords: number;
  /** The files that were used, by their paths in the folder. */
  readonly used: readonly string[];
  /** What could not be brought back, the first 1,000. A manifest that could not be read is among it. */
  readonly lost: readonly Loss[];
  /** How many losses there are in all. */
  readonly lostCount: number;
}

/** Options of `prune()`. `null` is refused for the options, `before`, `keepBytes` and `dryRun`: it may be a limit that got lost. */
export interface PruneOptions extends ProgressOptions {
  /**
   * Delete the logs whose last operation is older than this time: a `Date`, its ISO text, or its milliseconds (default: no limit). A
   * time ahead of the clock counts as the time at which the file was written, and no log counts as younger than the ones behind it.
   */
  before?: Date | string | number | undefined;
  /** Keep the newest history up to so many bytes of sealed logs, superseded snapshots and their indexes (default: no limit). */
  keepBytes?: number | undefined;
  /** Only report what would be deleted (default: `false`). */
  dryRun?: boolean | undefined;
  /** Ends the deletion between two logs when it is aborted (default: none). Files deleted by then are gone. */
  signal?: AbortSignal | undefined;
}

/** What `prune()` has deleted, or with `dryRun` would delete. */
export interface PruneResult {
  /** How many files. */
  files: number;
  /** Their bytes, added up. */
  bytes: number;
}

/** Files of one kind, and their bytes. */
export interface FileUsage {
  /** How many there are. */
  files: number;
  /** Their sizes in bytes, added up. */
  bytes: number;
}

/** What a store's folder holds: all kinds together are all files below it. */
export interface Usage {
  /** The current snapshot. */
  snapshot: FileUsage;
  /** Snapshots that are no longer current. `prune()` deletes them. */
  superseded: FileUsage;
  /** The logs in force, of all agents. */
  log: FileUsage;
  /** Logs that checkpoints have sealed: the history. `prune()` and the option `retain` delete them. */
  sealed: FileUsage;
  /** Archive segments. */
  archives: FileUsage;
  /** Index files. They are derived. */
  indexes: FileUsage;
  /** Everything else: the manifest, lock files, `.torn` and `.damaged` files, temporary files, blobs. */
  other: FileUsage;
}

/** How far a long operation has come. */
export interface Progress {
  /**
   * What is being done. `"read-snapshot"` and `"read-log"`: files without an index are read from one end to the other. `"migrate"`: `migrate` is called for each record. `"write-snapshot"`: a checkpoint. `"archive"`: records are
   * put into a segment. `"verify"`: files are checked. `"backup"`: they are copied. `"prune"`: they are deleted. `"recover"`: sound
   * parts of them are read. `"build-index"`: a declared index is made, also after `open()`.
   * A phase may come more than once. A phase that ends within 50 ms may not be reported, unless it is the last.
   */
  readonly phase:
    | "read-snapshot"
    | "read-log"
    | "migrate"
    | "write-snapshot"
    | "archive"
    | "verify"
    | "backup"
    | "prune"
    | "recover"
    | "build-index";
  /** How much of the phase is done; never more than `total`. */
  readonly done: number;
  /** How much there is to do in the phase. */
  readonly total: number;
  /** What `done` and `total` count. */
  readonly unit: "bytes" | "records" | "files";
}

/** For methods that may take long. */
export interface ProgressOptions {
  /**
   * Called on the JS thread as the operation advances, at most every 50 ms, and once more when it has
   * succeeded. While another checkpoint of the store is under way, the progress of that one comes first. If the function
   * throws, or its promise rejects, the operation goes on: the error is published on the diagnostics channel
   * `opslog:progress-failed`, and the function is not called again. By default no function is called and nothing measured.
   */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** How an index is kept. */
export interface IndexOptions {
  /**
   * Whether each value may occur in one record only; of a list, each element (default: false). A change that would give a
   * second record the same value is refused with `OPSLOG_NOT_UNIQUE`. Any number of records may lack the field, or have
   * `null` there, or a list of nothing but `null`. With several fields, each combination of their values may occur in one
   * record only. This holds for all writes of a single writer; for agents, only for their writes in transactions.
   * `Store.verify()` with `indexes` reports other duplicates.
   */
  unique?: boolean | undefined;
}

/** Indexes by the path of a field, or by those of several with commas between them. */
export type Indexes<T = unknown> = { [P in FieldPath<T>]?: IndexOptions | undefined } & {
  [paths: `${string},${string}`]: IndexOptions | undefined;
};

/** How a query is carried out. */
export interface Explanation {
  /** The names of the indexes that lead to the records; empty if every record is tried. */
  readonly indexes: readonly string[];
  /** How many index keys were read. */
  readonly keys: number;
  /** How many records were tried. */
  readonly records: number;
  /** How many records met the query before the search ended; a `limit` may end it early. */
  readonly found: number;
  /** Whether the records came in the order of an index, so that nothing had to be sorted. */
  readonly isSortedByIndex: boolean;
}

/**
 * A path to a field: its name, or names with dots; through lists into their elements. Those that the type knows, up to four names deep, are
 * completed by editors; any other path is allowed as well.
 */
export type FieldPath<T> = KnownPath<T, [1, 1, 1]> | (string & {});
/** The paths of a type. `Left` has an element for each further name. */
type KnownPath<T, Left extends 1[]> = T extends Leaf | undefined
  ? never
  : T extends readonly (infer E)[]
    ? KnownPath<E, Left>
    : T extends object
      ? { [K in keyof T & string]: K | InnerPath<K, T[K], Left> }[keyof T & string]
      : never;
type InnerPath<K extends string, V, Left extends 1[]> = Left extends [1, ...infer Rest extends 1[]]
  ? `${K}.${KnownPath<V, Rest>}`
  : never;
/** Values without fields that a query could name. */
type Leaf =
  string | number | boolean | bigint | symbol | null | Date | RegExp | ((...args: never[]) => unknown);

/** Conditions on the value of a field. All of them must hold. */
export interface FieldConditions {
  /** Equal to this value, or a list that has such an element. `null` is also equal to a field that is not there. */
  $eq?: unknown;
  /** Not `$eq`. */
  $ne?: unknown;
  /** Greater than this value, of the same type; strings by code units. A list: one of its elements is. */
  $gt?: unknown;
  /** Greater than this value, or equal. */
  $gte?: unknown;
  /** Less than this value. */
  $lt?: unknown;
  /** Less than this value, or equal. */
  $lte?: unknown;
  /** Equal to one of these values, or matched by one of these regular expressions. A list: one of its elements is. */
  $in?: readonly unknown[] | undefined;
  /** Not `$in`. */
  $nin?: readonly unknown[] | undefined;
  /** Whether the field is there. */
  $exists?: unknown;
  /** A string that this regular expression matches: a `RegExp`, or its source. */
  $regex?: RegExp | string | undefined;
  /** Flags for the source of a `$regex`, such as `"i"`. */
  $options?: string | undefined;
  /** A list with this many elements. */
  $size?: number | undefined;
  /** A list that has all of these elements. */
  $all?: readonly unknown[] | undefined;
  /** A list with one element that meets all of these conditions. */
  $elemMatch?: Query | FieldConditions | undefined;
  /** Not these conditions, or not this value. */
  $not?: unknown;
}

/**
 * Which records are wanted: for each field, the value that it must have, or operators. `docs/queries.md` has each operator with an
 * example. A query means the same as in mingo 7; a `Date` stands for its text in JSON.
 */
export type Query<T = unknown> = {
  /** All of these queries. */
  $and?: readonly Query<T>[] | undefined;
  /** At least one of these queries. */
  $or?: readonly Query<T>[] | undefined;
  /** None of these queries. */
  $nor?: readonly Query<T>[] | undefined;
} & { [P in FieldPath<T>]?: unknown };

/** Order, bounds and fields of the records that a query finds. */
export interface FindOptions<T = unknown> {
  /** The order: fields, each with 1 (ascending) or -1 (descending), the most significant one first (default: the store's order). */
  sort?: { [P in FieldPath<T>]?: 1 | -1 } | undefined;
  /** How many records to skip (default: 0). */
  skip?: number | undefined;
  /** At most this many records (default: all). */
  limit?: number | undefined;
  /** Which fields to return: a list of names, or an object that has 1 for each field to return or 0 for each to omit (default: all). */
  fields?: readonly FieldPath<T>[] | { [P in FieldPath<T>]?: 0 | 1 | boolean } | undefined;
  /** Ends the query with the signal's reason (default: none). */
  signal?: AbortSignal | undefined;
}

/** The option `fields`, given. */
export interface ChosenFields<T = unknown> {
  /** See `FindOptions`. */
  fields: NonNullable<FindOptions<T>["fields"]>;
}

/** A record of which only some fields were asked for: none of them is certain to be there. */
export type Chosen<T> = unknown extends T
  ? T
  : T extends readonly (infer E)[]
    ? Chosen<E>[]
    : T extends object
      ? { [P in keyof T]?: Chosen<T[P]> }
      : T;

/** Which records `scan()` yields, and in which direction. */
export interface ScanOptions {
  /** Only ids that begin with this (default: all). */
  prefix?: string | undefined;
  /** Only ids after this one; cannot be combined with `gte` (default: from the first). */
  gt?: string | undefined;
  /** Only ids from this one on (default: from the first). */
  gte?: string | undefined;
  /** Only ids before this one; cannot be combined with `lte` (default: to the last). */
  lt?: string | undefined;
  /** Only ids up to this one (default: to the last). */
  lte?: string | undefined;
  /** The last id first (default: false). */
  reverse?: boolean | undefined;
  /** At most this many records (default: all). */
  limit?: number | undefined;
  /** Ends the scan with the signal's reason (default: none). */
  signal?: AbortSignal | undefined;
}

/** Where `revert()` goes back to. */
export interface RevertOptions {
  /** A position that the store gave, a `Date`, or an ISO time (no default). */
  to: Position | Date | string;
  /** Only these records (default: all). `null` is refused. */
  ids?: readonly string[] | undefined;
}

/**
 * The store as it was at an earlier place of its history, see `at()`. Read-only. Each call returns new objects.
 *
 * Every method throws `OPSLOG_NOT_OPEN` once the view or its store was closed, and `OPSLOG_IO` or `OPSLOG_CORRUPT` if a file cannot be read.
 */
export interface View<T = Record<string, unknown>> {
  /** The record's value; `undefined` where there was none. Cost: reads and parses its text. */
  get(id: string): T | undefined;
  /** Whether there was a record. */
  has(id: string): boolean;
  /** How many records there were, or for how many of them the predicate is true. Cost: with a predicate, parses all records. */
  count(predicate?: (value: T, id: string) => unknown): number;
  /** The ids. Cost: read in pieces as the iteration advances. */
  keys(): IterableIterator<string>;
  /** The values. Cost: parses all records. */
  all(): T[];
  /** Ids and values. Cost: parses all records. */
  entries(): [string, T][];
  /** The values for which the predicate is true. Cost: parses all records, and keeps the returned ones in memory. */
  filter(predicate: (value: T, id: string) => unknown): T[];
  /** As the store's `find()`, with the same errors. */
  find(query: Query<T>, options: FindOptions<T> & ChosenFields<T>): Promise<Chosen<T>[]>;
  find(query: Query<T>, options?: FindOptions<T>): Promise<T[]>;
  /** As the store's `findIds()`, with the same errors. */
  findIds(query: Query<T>, options?: Omit<FindOptions<T>, "fields">): Promise<string[]>;
  /** As the store's `findOne()`, with the same errors. */
  findOne(
    query: Query<T>,
    options: Omit<FindOptions<T>, "limit"> & ChosenFields<T>,
  ): Promise<Chosen<T> | undefined>;
  findOne(query: Query<T>, options?: Omit<FindOptions<T>, "limit">): Promise<T | undefined>;
  /** As the store's `countWhere()`, with the same errors. */
  countWhere(query: Query<T>, options?: { signal?: AbortSignal | undefined }): Promise<number>;
  /** As the store's `explain()`, with the same errors. No index is used: each record is tried. */
  explain(query: Query<T>, options?: FindOptions<T>): Promise<Explanation>;
  /** The values of these ids, in the order of the ids; `undefined` where there was none. Cost: that of `get()` for each. */
  getMany(ids: readonly string[]): (T | undefined)[];
  /** The values. Cost: read and parsed in pieces as the iteration advances. */
  values(): IterableIterator<T>;
  /** Ids and values. Cost: as `values()`. */
  [Symbol.iterator](): IterableIterator<[string, T]>;
  /** As the store's `scan()`, with the same errors. A scan never begins to build an index. */
  scan(options?: ScanOptions): AsyncGenerator<[string, T]>;
  /** Closes the files that the view holds open. A second call does nothing. */
  close(): void;
}

/**
 * The argument of the function of `batch()`. Its methods are the store's `set()` and `delete()`, which return nothing in a batch.
 * It can be used only while the function runs.
 */
export interface Batch<T = Record<string, unknown>> {
  /** Creates or replaces a record. */
  set(id: string, value: T): void;
  /** Deletes a record. Throws `OPSLOG_NOT_FOUND` if there is none. */
  delete(id: string): void;
}

/** The function of `batch()`. A union, so that a subclass that was written for 0.8.1 may take functions without a parameter. */
export type BatchFunction<T = Record<string, unknown>> = (() => void) | ((batch: Batch<T>) => void);

/** The function of `watch()`. A union, so that a subclass that was written for 0.8.1 may take functions of any operations. */
export type WatchCallback<T = Record<string, unknown>> = (() => void) | ((ops: LoggedOperation<T>[]) => void);

/**
 * The argument of the function of `transaction()`: the records, with the changes that the function has made. It can be used only
 * while the function runs. An error that the function throws rolls the whole transaction back; an error that it catches does not.
 */
export interface Transaction<T = Record<string, unknown>> {
  /**
   * The record, or `undefined`. Returns the same object each time, until the record changes. The object is a copy: changing it
   * changes nothing until it is passed to `set()`.
   */
  get(id: string): T | undefined;
  /** Whether there is a record. */
  has(id: string): boolean;
  /** Creates or replaces a record. */
  set(id: string, value: T): void;
  /** Creates a record. Throws `OPSLOG_EXISTS` if there is one. */
  insert(id: string, value: T): void;
  /** Replaces fields of a record; one that is `undefined` is removed. Throws `OPSLOG_NOT_FOUND` if there is no record. */
  patch(id: string, partial: { [K in keyof T]?: T[K] | undefined }): void;
  /** Deletes a record. Throws `OPSLOG_NOT_FOUND` if there is none. */
  delete(id: string): void;
}

/** Options of `Store.verify()`. */
export interface VerifyOptions extends ProgressOptions {
  /** Indexes as for `open()`: records that have the same value in a unique index are reported (default: none). */
  indexes?: Indexes | undefined;
}

/** What `Store.verify()` found. */
export interface VerifyReport {
  /** Whether nothing is damaged, and no index that was asked for violated. */
  readonly ok: boolean;
  /** Files that were read. */
  readonly files: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Records in all snapshots that are there. */
  readonly records: number;
  /** Operations in all logs that are there. */
  readonly operations: number;
  /** Records in archive segments. */
  readonly archivedRecords: number;
  /** Entries of index files; each was compared with the line that it points to. */
  readonly indexEntries: number;
  /**
   * Absolute paths of files in the store's folders that are not the store's, at most 1,000: those of systems and sync programs
   * (`.DS_Store`, `._x`, `x (conflicted copy).jsonl`), and any other name that a store never uses. They are neither checked
   * nor changed. Outside of those folders, where blobs may have any name, only names of systems and sync programs are listed.
   */
  readonly foreign: readonly string[];
  /** The damaged places, at most 1,000. */
  readonly damage: readonly Damage[];
  /** How many damaged places there are. */
  readonly damageCount: number;
  /**
   * Pairs of records that have the same value in a unique index of `indexes`, at most 1,000; the record that comes first in the store
   * is the first of its pair. Present only if `indexes` were given.
   */
  readonly duplicates?: readonly {
    readonly index: string;
    readonly ids: readonly [string, string];
    readonly value: unknown;
  }[];
  /** What to do if a file in force is damaged and `repair()` cannot mend it; absent otherwise. */
  readonly advice?: string;
}

/** A damaged place in a file. */
export interface Damage {
  /** Absolute path of the file. */
  readonly path: string;
  /** Where the damaged line, page, entry or member begins, in bytes; `null` if the file is missing. */
  readonly offset: number | null;
  /** What is wrong, in English. */
  readonly what: string;
  /** Whether the store's state depends on the file: the manifest, what it names, and its indexes. */
  readonly current: boolean;
  /**
   * What `Store.repair()` does about it. `"blank"`: the line, which is skipped anyway, is set aside and overwritten with
   * line ends. `"cut"`: the unfinished end of the log is set aside and cut off. `"rebuild"`: the index is set aside and
   * made again. `null`: nothing; restore the file from a backup.
   */
  readonly remedy: "blank" | "cut" | "rebuild" | null;
}

/** What `Store.repair()` did. */
export interface RepairReport {
  /** The state before the repair. */
  readonly before: VerifyReport;
  /** The mended places, and the files that hold their former content. `before` lists at most 1,000 places: of the others, one for each file. */
  readonly steps: readonly { readonly damage: Damage; readonly aside: string }[];
  /**
   * The failed steps, and the reasons. A folder that opened before a failed step opens after it. `damage` is `null` if the
   * step is not about one place. `aside` names the file that the step had already made, if any.
   */
  readonly failures: readonly {
    readonly damage: Damage | null;
    readonly aside: string | null;
    readonly code: string;
    readonly message: string;
  }[];
  /** The state after the repair; `null` if the folder could not be checked again, for the reason in `failures`. */
  readonly after: VerifyReport | null;
}

/** What `store.stats()` counts. */
export interface StoreStats {
  /** Records in the store. */
  activeRecords: number;
  /** Operations since the last checkpoint. */
  opsCount: number;
  /** Archive segments. */
  archiveSegments: number;
}

/** What `open()` found and repaired. */
export interface RecoveryReport {
  /** Lines of the log that are no operation, with the byte at which each begins. They stay where they are. */
  readonly skippedLines: readonly { readonly path: string; readonly offset: number }[];
  /** Bytes that were cut from the end of the log because the last write had not finished. */
  readonly tornBytes: number;
  /** The file that holds those bytes now, or `null`. */
  readonly tornPath: string | null;
  /**
   * Missing logs: the manifest names them, and they held operations when they were closed. Absent if there are none. A missing
   * log reads as empty. `bytes` is its former length, `null` if that is unknown.
   */
  readonly missingLogs?: readonly { readonly path: string; readonly bytes: number | null }[];
  /** Whether the whole snapshot was read, because it has no valid index file. */
  readonly indexRebuilt: boolean;
  /** How long `open()` took, in milliseconds. */
  readonly milliseconds: number;
  /**
   * Features that the folder's file system lacks and the store works without; absent if it lacks none. A checkpoint may add
   * to the list later. `"folder-sync"`: a power failure may take the names of new files, and with them their content. `"file-sync"`: a
   * power failure may take anything; with `durability` other than `"process"` such a file system is refused.
   * `"kernel-locks"`: see the option `locking`.
   */
  readonly unsupported?: readonly ("folder-sync" | "file-sync" | "kernel-locks")[];
}

/** What a backend's locking methods return; opaque to all others. */
export interface LockHandle {}

/** Where a store keeps its files. Paths that a backend returns are opaque to the store. */
export interface StorageBackend {
  /** Called in `store.open()`: create folders, connect. May be called again, for another store. */
  initialize(dir: string, opts: { readOnly: boolean; locking?: "kernel" | "pid" | undefined }): Promise<void>;
  /** Called in `store.close()`. */
  shutdown(): Promise<void>;
  /** The manifest, or `null` if there is no store yet. Must reject if the backend cannot tell which. */
  readManifest(): Promise<Manifest | null>;
  /** Replaces the manifest as a whole. */
  writeManifest(manifest: Manifest): Promise<void>;
  /** Writes a snapshot and returns its path. */
  writeSnapshot(records: Map<string, unknown>, version: number): Promise<string>;
  /** The records of a snapshot, in order, and their schema version. Must reject if it is missing or damaged. */
  loadSnapshot(relativePath: string): Promise<{ records: Map<string, unknown>; version: number }>;
  /**
   * Optional. As `writeSnapshot()`, which is not called then: the records come one by one, as they were at the call, so that
   * not all of them are in memory as objects.
   *
   * `onBytes` is for backends whose snapshots are lines: a header `{"version":..,"timestamp":..}`, and a line `{"id":..,"data":..}` for
   * each record. It takes the bytes of the snapshot in order, in pieces of any size. `readBlobRange()` of the path that this returns must then
   * read the same bytes. If the snapshot has 1 MiB or more, the store afterwards writes its index with `writeBlobFrom()` or `writeBlob()`, to
   * `index/<name>.idx`, where `<name>` is what follows the last slash of the path; `fetch()` reads ranges of both. A backend need not call it: then
   * `fetch()` reads whole snapshots. Bytes that differ from those of the snapshot are noticed, and the index is not used. The index may be
   * deleted with its snapshot, or at any time.
   */
  writeSnapshotFrom?(
    records: Iterable<[string, unknown]>,
    version: number,
    onBytes?: (bytes: Uint8Array) => void,
  ): Promise<string>;
  /**
   * Optional. As `writeBlob()`, which is not called then for the index of a snapshot: the content comes in pieces, so that not all
   * of it is in memory. The path is new. A piece may be overwritten when the next one is taken: copy what is kept.
   */
  writeBlobFrom?(relativePath: string, pieces: Iterable<Uint8Array>): Promise<void>;
  /**
   * Optional. As `loadSnapshot()`, which is not called then: yields ids and records, some at a time, in order, and returns their schema
   * version. `backendTimeoutMs` is for each piece.
   */
  readSnapshot?(relativePath: string): AsyncGenerator<[string, unknown][], number, undefined>;
  /** Appends operations to a log, creating it if it is missing. */
  appendOps(relativePath: string, ops: Operation[]): Promise<void>;
  /** The operations of a log; none if it is missing. */
  readOps(relativePath: string): Promise<Operation[]>;
  /**
   * Optional. As `readOps()`, which the store does not call then: the lines of a log as they are stored, each a JSON text of an operation with its
   * newline, in pieces none of which cuts a line. Saves parsing and printing them.
   */
  readOpsLines?(relativePath: string): Promise<Uint8Array[]>;
  /** Takes the last operation out of a log; `false` if there is none. */
  truncateLastOp(relativePath: string): Promise<boolean>;
  /** Creates an empty log and returns its path. */
  createOpsFile(): Promise<string>;
  /** Adds records to the archive segment of a period and returns its path. */
  writeArchiveSegment(period: string, records: Map<string, unknown>): Promise<string>;
  /** The records of an archive segment. Must reject if it is missing or damaged. */
  loadArchiveSegment(relativePath: string): Promise<Map<string, unknown>>;
  /** Paths of the archive segments that are there. */
  listArchiveSegments(): Promise<string[]>;
  /** Takes the lock of the only writer, or rejects. */
  acquireLock(): Promise<LockHandle>;
  /** Gives the lock of the only writer back. */
  releaseLock(handle: LockHandle): Promise<void>;
  /** Creates an empty log for an agent and returns its path. */
  createAgentOpsFile(agentId: string): Promise<string>;
  /** Paths of the logs that are there, of agents too. */
  listOpsFiles(): Promise<string[]>;
  /** Takes the lock under which a checkpoint with many writers is made, or rejects. */
  acquireCompactionLock(): Promise<LockHandle>;
  /** Gives the lock around a checkpoint back. */
  releaseCompactionLock(handle: LockHandle): Promise<void>;
  /** A text that differs whenever the manifest was written anew; `null` if there is none. */
  getManifestVersion(): Promise<string | null>;
  /**
   * Optional. Replaces the manifest on condition: only if its version, as `getManifestVersion()` gives it, is
   * still `version`; `null` stands for "there is no manifest". Resolves with the version that the new manifest
   * has, or with `null` if the condition does not hold and nothing was written; rejects if neither is certain.
   * Test and write must be one step for all writers: `If-Match` and `If-None-Match: *` of an object store.
   *
   * With this method agents lose no write, even if two of them hold the compaction lock at once. Without it the manifest is
   * changed under the compaction lock alone, and if two agents hold that lock at once, writes can be lost.
   */
  writeManifestIf?(manifest: Manifest, version: string | null): Promise<string | null>;
  /**
   * Optional. `true` promises that the operations of one `appendOps()` become visible together, or not at all. The store then
   * passes the operations of several `set()` and `delete()` calls in flight to one `appendOps()`.
   */
  readonly appendsAreWhole?: boolean;
  /**
   * Optional, with `writeManifestIf()`. Closes a log: from then on every `appendOps()` to it, of any process, rejects with the
   * code `OPSLOG_LOCKED` and has no effect; earlier appends stay. Resolves also if the log is closed already. With this
   * method the next append of a replaced single writer fails, so that the store need not read the manifest after each
   * append. `undo()` then replaces the log by a shorter copy, and `truncateLastOp()` is not called.
   */
  closeOpsFile?(relativePath: string): Promise<void>;
  /**
   * Optional. A text that differs from an earlier one if, in between, any process wrote a manifest or appended to a log
   * that the manifest names; later reads are at least as new. With it, `tail()` with nothing new is one call.
   */
  changeToken?(): Promise<string>;
  /**
   * Optional, for `prune()` and the option `retain`. Deletes a log that no manifest names any more, and resolves with how many bytes it had;
   * with `null` if it is not there, or will be deleted later. A log that `closeOpsFile()` has closed stays closed.
   */
  deleteOpsFile?(relativePath: string): Promise<number | null>;
  /** Optional, for `prune()`. Deletes a superseded snapshot; otherwise as `deleteOpsFile()`. */
  deleteSnapshot?(relativePath: string): Promise<number | null>;
  /** Optional, for `usage()`. All files of the store; a log may consist of several files below its path. */
  listFiles?(): Promise<{ path: string; bytes: number }[]>;
  /** Optional. Makes earlier appends durable; called by `store.flush()`, `sync()` and `close()`. */
  sync?(): Promise<void>;
  /** Writes a blob at a path relative to the store's folder, creating the folders above it. */
  writeBlob(relativePath: string, content: Buffer): Promise<void>;
  /** The content of a blob. Must reject if it is missing. */
  readBlob(relativePath: string): Promise<Buffer>;
  /** Reads `length` bytes from `offset` on; fewer at the end of the blob. */
  readBlobRange(relativePath: string, offset: number, length: number): Promise<Buffer>;
  /** The names in a folder of blobs; none if there is no such folder. */
  listBlobs(prefix: string): Promise<string[]>;
  /** Deletes a blob. */
  deleteBlob(relativePath: string): Promise<void>;
  /** Deletes a folder of blobs with all that is in it. */
  deleteBlobDir(prefix: string): Promise<void>;
}

/** Options of `backup()`. */
export interface BackupOptions extends ProgressOptions {
  /** Also copy the logs that checkpoints have sealed, the audit trail. Default: `false`. */
  sealedLogs?: boolean | undefined;
  /** Ends the copy when it is aborted (default: none). */
  signal?: AbortSignal | undefined;
}

/** What `backup()` has copied. */
export interface BackupResult {
  /** Files in the copy, the manifest among them. */
  files: number;
  /** Bytes that were copied, without the manifest. */
  bytes: number;
}

/**
 * A store of records in a folder: a snapshot, and a log of the operations since.
 *
 * Errors carry a stable `code`:
 * - `OPSLOG_NOT_OPEN`: the store was not opened, or is closed, or, for mutations, is closing.
 * - `OPSLOG_READ_ONLY`: a mutation of a store that was opened with `readOnly`.
 * - `OPSLOG_ALREADY_OPEN`: `open()` of a store that is open or opening.
 * - `OPSLOG_SKIP_LOAD`: `compact()` of a store that was opened with `skipLoad`.
 * - `OPSLOG_NO_STORE`: a read-only open, or a check, of a folder without a store; `path` is the folder.
 * - `OPSLOG_NOT_FOUND`: the record or archive segment is not there.
 * - `OPSLOG_INVALID_VALUE`: a value that JSON cannot hold. Nothing was changed.
 * - `OPSLOG_INVALID_ARGUMENT`: an invalid argument or option: an id, a name, a folder, a function, a signal.
 *   (`OPSLOG_UNKNOWN_OPTION` is the code of a warning of the process, see `StoreOptions`.)
 * - `OPSLOG_LOCKED`: another process, or another store of this one, is writing here. With agents: another store has this
 *   `agentId`, or another agent keeps a lock for longer than this one waits. Nothing is lost, and the call can be repeated.
 * - `OPSLOG_NEWER_VERSION`: the program gave a lower `version` than the store has, and must not write to it; or it gave
 *   none, and must not make a checkpoint of records of several versions. Reads go on. Nothing was changed.
 * - `OPSLOG_CORRUPT`: a file is damaged; `path`, and `offset` in bytes where known.
 * - `OPSLOG_IO`: a system call failed; `errno`, `syscall` and `path` as Node has them, and Node's own code
 *   (`ENOSPC`) as `cause.code`. Nothing was changed.
 * - `OPSLOG_FAILED`: an earlier failure left the log uncertain; writes are refused until the store is opened
 *   anew, reads go on.
 * - `OPSLOG_EXISTS`: there already is a record with the id that is to be inserted.
 * - `OPSLOG_POSITION_GONE`: a position no longer exists: its operation was undone or pruned.
 * - `OPSLOG_UNSUPPORTED`: the backend lacks what the call needs, or the file system lacks kernel locks (see the option
 *   `locking`).
 * - `OPSLOG_NOT_UNIQUE`: another record has a value that must be unique; `index`, `id`, `otherId`, `value`.
 * - `OPSLOG_PATTERN_TIMEOUT`: a regular expression of a query takes too long.
 * - `OPSLOG_LISTENER_FAILED` and `OPSLOG_EVENTS_FAILED`: codes of warnings of the process, see `on()`.
 * - `OPSLOG_UNSAFE_BACKEND`: the backend cannot keep agents apart.
 * - `OPSLOG_TIMEOUT`: a method of the backend has not settled within `backendTimeoutMs`.
 * - `OPSLOG_NATIVE_UNAVAILABLE`: there is no binary for this platform; the message lists the paths that were tried.
 * - `OPSLOG_INTERNAL`: a defect of this package. Any method may throw it; no method names it below.
 *
 * A backend's own errors come through as they are. `set()` and `delete()` throw `OPSLOG_NOT_OPEN` and `OPSLOG_READ_ONLY`
 * at once. All their other errors reject their promise, but throw inside `batch()`. All other asynchronous methods only
 * reject.
 *
 * Objects that the store returns are shared with it: change them through `set()` only.
 */
export declare class Store<T = Record<string, unknown>> {
  /**
   * Checks every file of a folder: that each line of each snapshot and log is valid, that each entry of each
   * index points to the record that it stands for, that the manifest and the archive segments are valid, and that what
   * the manifest names is there. Takes no lock and writes nothing; a writer may be at work meanwhile. Damage is no error:
   * it is in the report.
   *
   * It cannot see a changed value that is still valid JSON, unless an index has a checksum of it: the file format is that of
   * 0.8.1, which has no checksums.
   *
   * Cost: reads every byte, on another thread; needs about 50 bytes of memory for each record.
   *
   * @param dir The store's folder: a path, or a `file:` URL object.
   * @param options A progress function (default: none), and the indexes whose unique values are checked (default: none).
   * @throws `OPSLOG_NO_STORE`, `OPSLOG_IO`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_NATIVE_UNAVAILABLE`; with `indexes` also what a
   * read-only `open()` rejects with.
   */
  static verify(dir: string | FileUrl, options?: VerifyOptions): Promise<VerifyReport>;

  /**
   * Mends the damage that `verify()` finds in a folder, as far as no record changes by it. Takes the folder's lock if
   * there is something to mend. Deletes nothing: lines that are taken out of a log go to `<log>.torn`, an index that is
   * made again goes to `<index>.<n>.damaged`. An index whose snapshot is damaged stays, since it leads to the sound records.
   * Agents of 0.8.1 take no lock that `repair()` could see: end them first.
   *
   * Rejects only if nothing was changed. Later errors are in `failures` of the report.
   *
   * Cost: that of `verify()`, twice if something was damaged, and a pass over each snapshot whose index is made again.
   *
   * @param dir The store's folder: a path, or a `file:` URL object.
   * @param options A progress function (default: none); `locking` as for `open()`.
   * @throws `OPSLOG_LOCKED` while a writer or an agent has the folder open; `OPSLOG_UNSUPPORTED` without kernel locks;
   * otherwise as `verify()`: `OPSLOG_NO_STORE`, `OPSLOG_IO`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_NATIVE_UNAVAILABLE`.
   */
  static repair(
    dir: string | FileUrl,
    options?: ProgressOptions & { locking?: "kernel" | "pid" | undefined },
  ): Promise<RepairReport>;

  /**
   * Builds a new store in another folder from the sound parts of a damaged one: the lines of the current snapshot, older
   * snapshots and sealed logs for the records that it lacks, and the logs in force. It works without a manifest and without a
   * snapshot. The damaged folder is not changed. Losses are reported by file and offset, and by record where its id can be read.
   *
   * The new store is that of a single writer. The operations of all agents are applied, and the history is empty: the
   * snapshot holds the records, and the log holds those of another schema version than the snapshot. Records that
   * came from older files stand after the others. Sound archive segments are copied; blobs and sealed logs are not.
   * A damaged value that is still valid JSON cannot be seen, as for `verify()`. If the history was pruned (`prune()`,
   * `retain`), there is no older version of a damaged record. End all writers first.
   *
   * Cost: a pass over the snapshot and the logs in force, and if something is missing over an older snapshot and the sealed logs
   * behind it, on another thread; needs about 150 bytes of memory for each record.
   *
   * @param dir The damaged folder: a path, or a `file:` URL object.
   * @param to The folder of the new store: new or empty, and not inside the damaged one.
   * @param options A progress function and a signal (default: no function, no signal).
   * @throws `OPSLOG_NO_STORE` if `dir` holds no part of a store; `OPSLOG_INVALID_ARGUMENT` if `to` is not empty or lies inside `dir`;
   * `OPSLOG_IO`, `OPSLOG_NATIVE_UNAVAILABLE`, and the signal's reason. All reject, and the new files are deleted then.
   */
  static recover(
    dir: string | FileUrl,
    to: string | FileUrl,
    options?: RecoverOptions,
  ): Promise<RecoverReport>;

  /** What `open()` found and repaired; `null` when the store is not open. */
  readonly recovery: RecoveryReport | null;

  /**
   * Opens the store in a folder, creating it if there is none. A failed open leaves no lock behind. After
   * `close()` the store can be opened again, there or elsewhere.
   *
   * Cost: with index files, the same for any number of records; without them a pass over the snapshot or the log. With a
   * `version` that is greater than the store's, `migrate` for each record, and a checkpoint. The work is done on another thread,
   * unless a single writer closed the store, its log has no more than 128 KiB, and its snapshot no more or an index: then it is
   * less than a trip to another thread takes.
   *
   * @param dir The folder: a path, or a `file:` URL object. Created with all above it, unless `readOnly` is set. A
   * custom backend gets the value as it is, URL objects as strings. `":memory:"` without a backend makes a store in memory: it
   * is empty when it opens, and is gone when it closes. `backup()` of it rejects; `durability`, `recovery` and `locking` are
   * ignored.
   * @param options How to open it; each with its default there.
   * @throws `OPSLOG_ALREADY_OPEN`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_LOCKED`, `OPSLOG_NO_STORE`, `OPSLOG_CORRUPT`,
   * `OPSLOG_IO`, `OPSLOG_FAILED`, `OPSLOG_NEWER_VERSION`, `OPSLOG_UNSAFE_BACKEND`, `OPSLOG_NATIVE_UNAVAILABLE`;
   * `OPSLOG_INVALID_VALUE` if `migrate`
   * returns a value that JSON cannot hold; and the errors of `migrate`. All reject.
   */
  open(dir: string | FileUrl, options?: StoreOptions<T>): Promise<void>;

  /**
   * Finishes earlier calls, makes a checkpoint if `checkpointOnClose`, and releases the lock. If `open()` is still running,
   * `close()` waits for it first; if that `open()` fails, `close()` rejects with `OPSLOG_NOT_OPEN`.
   *
   * Cost: the checkpoint's, if there is one, and a sync unless `durability` is `"process"`.
   *
   * @throws `OPSLOG_NOT_OPEN`; if the last writes or the checkpoint fail, `OPSLOG_IO`, `OPSLOG_FAILED`, `OPSLOG_LOCKED` or
   * `OPSLOG_CORRUPT`: the store is closed all the same. All reject.
   */
  close(): Promise<void>;

  /**
   * Closes the store at the end of an `await using` block; does nothing if it is not open.
   *
   * Cost: as `close()`.
   *
   * @throws What `close()` rejects with, but not `OPSLOG_NOT_OPEN`.
   */
  [Symbol.asyncDispose](): Promise<void>;

  /**
   * The record, or `undefined`. Returns the same object each time, until the record changes.
   *
   * Cost: the first call parses the record's text, later ones are a lookup in a `Map` (see `cacheSize`). In a store of up to
   * 4 MB, all other records are parsed at once when one in 32 has been read.
   *
   * @param id The record's id.
   * @throws `OPSLOG_NOT_OPEN`; `OPSLOG_IO` or `OPSLOG_CORRUPT` if a file cannot be read any more. At once, as all reads.
   */
  get(id: string): T | undefined;

  /**
   * The record, or `undefined`, also where the store was opened with `skipLoad`: then this reads the one record, and keeps nothing of
   * it. Without `skipLoad` it resolves with what `get()` returns.
   *
   * With `skipLoad` a reader sees the state of its last look: the first call looks, and so does the first call after a `tail()` or
   * `refresh()` that found something new. If a checkpoint has replaced the snapshot of that look and it was deleted, the call looks again. A
   * writer sees the state at the call: its own changes that were called before, and those of others. Each call returns an object of its own. Of
   * an older schema version the one record is migrated.
   *
   * Cost: with `skipLoad` a look reads the manifest and the logs, whose newest operations stay in memory. After that a record that has an
   * operation in the logs costs nothing, any other one a range of the index (1 KiB) and a range of the snapshot (its line), and for each
   * snapshot once a further range of each (two more before the first record that is not there). A writer looks at each call. If the
   * snapshot has no index that fits it (it has less than 1 MiB, another program wrote it, or the backend has no ranges: see
   * `StorageBackend.writeSnapshotFrom`), the first call reads all of it, and all its records stay in memory until there is a newer one. In a
   * folder the first call opens the folder once more, as a reader without `skipLoad`.
   *
   * @param id The record's id. What is no string is no record's.
   * @throws `OPSLOG_NOT_OPEN`; `OPSLOG_CORRUPT` if the snapshot is damaged or gone; `OPSLOG_IO`; what `migrate` throws; with a
   * backend, what its methods reject with, and `OPSLOG_TIMEOUT`. With `skipLoad` a writer's call also rejects with what its `flush()` would. All
   * reject, and the next call tries again.
   */
  fetch(id: string): Promise<T | undefined>;

  /**
   * Creates or replaces a record. It holds the value as `JSON.stringify` prints it at the time of the call.
   * Visible at once; resolves when it is logged (see `writeMode` and `durability`). Inside `batch()` returns
   * `undefined`.
   *
   * Cost: one `JSON.stringify` and, in immediate mode, one system call, which calls made one right after the other share.
   *
   * @param id The record's id: a string that is not empty.
   * @param value An object, array, string, number or boolean.
   * @throws `OPSLOG_NOT_OPEN` and `OPSLOG_READ_ONLY`, at once. `OPSLOG_INVALID_ARGUMENT` (the id), `OPSLOG_INVALID_VALUE`,
   * `OPSLOG_IO` and `OPSLOG_FAILED`, an agent's also `OPSLOG_LOCKED` and `OPSLOG_CORRUPT` (a file of another agent), reject, and
   * throw inside `batch()`. Nothing was changed then, unless it was the sync that failed: see `durability`.
   */
  set(id: string, value: T): Promise<void> | void;

  /**
   * Deletes a record. Otherwise as `set()`.
   *
   * Cost: one system call in immediate mode, as `set()`.
   *
   * @param id The record's id.
   * @throws `OPSLOG_NOT_FOUND` if it is not there; otherwise as `set()`, without `OPSLOG_INVALID_VALUE`.
   */
  delete(id: string): Promise<void> | void;

  /**
   * Whether there is a record.
   *
   * Cost: a lookup; no object is made.
   *
   * @param id The record's id.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`.
   */
  has(id: string): boolean;

  /**
   * All records, in order of creation: an update keeps the position. A fresh array.
   *
   * Cost: the first call parses all records and keeps their objects, up to `cacheSize`; later ones copy an array.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`.
   */
  all(): T[];

  /**
   * All records with their ids, in the order of `all()`. A fresh array.
   *
   * Cost: as `all()`.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`.
   */
  entries(): [string, T][];

  /**
   * The records for which the predicate returns a truthy value, in order.
   *
   * Cost: calls the predicate for every record. In a store of more than 5,000 records the first call keeps only the objects
   * that it returns, later ones keep all (see `cacheSize`).
   *
   * The predicate sees changes that it makes itself only inside `batch()`; there `filter()` goes through the records as
   * through a `Map`.
   *
   * @param predicate Called with each record and its id.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`; `OPSLOG_INVALID_ARGUMENT` for a predicate that is no
   * function; and the errors of the predicate.
   */
  filter(predicate: (value: T, id: string) => boolean): T[];

  /**
   * As `filter()`, without blocking the event loop: the predicate is called in turns of some milliseconds. It sees all records as
   * they are at the call, whatever is written meanwhile.
   *
   * Cost: reads the records in pieces of 256 KB, and keeps new objects of those that it returns. In total it takes longer than
   * `filter()`.
   *
   * @param predicate Called with each record and its id. Must not be async.
   * @param options An aborted `signal` ends it with the signal's reason (default: none).
   * @throws `OPSLOG_NOT_OPEN`, also if the store is closed meanwhile; `OPSLOG_INVALID_ARGUMENT` for a predicate that is no function or
   * returns a promise; `OPSLOG_IO`, `OPSLOG_CORRUPT`; the signal's reason, and the errors of the predicate. All reject.
   */
  filterAsync(
    predicate: (value: T, id: string) => boolean,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<T[]>;

  /**
   * The values of the records that meet a query, as they are at the call. They are new objects: changing one changes no record
   * and no other result. With `fields` each of their fields is optional in their type.
   *
   * Cost: with an index, reads the records that it leads to; a few of them on the calling thread, during the call. Without an
   * index, tries the text of every record on another thread; only results become objects. The first write during the query
   * copies the operations since the last checkpoint, some 100 bytes for each record. Sorting holds all results in memory, or
   * with `limit` about twice as many as the limit.
   *
   * @param query Which records.
   * @param options Order, bounds, fields and signal; each with its default there.
   * @throws `OPSLOG_NOT_OPEN`; `OPSLOG_INVALID_ARGUMENT`, whose message names the place in the query; `OPSLOG_PATTERN_TIMEOUT` for
   * a regular expression that takes longer than a second for some 500 KB of records; `OPSLOG_IO`, `OPSLOG_CORRUPT`; and the
   * signal's reason. All reject.
   */
  find(query: Query<T>, options: FindOptions<T> & ChosenFields<T>): Promise<Chosen<T>[]>;
  find(query: Query<T>, options?: FindOptions<T>): Promise<T[]>;

  /**
   * The ids of the records that meet a query. `find()` returns their values; `getMany()` returns the records of ids.
   *
   * Cost: as `find()`, without the values.
   *
   * @param query Which records.
   * @param options As for `find()`, without `fields`; each with its default there.
   * @throws As `find()`: `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_PATTERN_TIMEOUT`, `OPSLOG_IO`, `OPSLOG_CORRUPT`. All reject.
   */
  findIds(query: Query<T>, options?: Omit<FindOptions<T>, "fields">): Promise<string[]>;

  /**
   * The value of the first record that meets a query, or `undefined`.
   *
   * Cost: as `find()`; without `sort` it ends at the first match.
   *
   * @param query Which records.
   * @param options As for `find()`, without `limit`; each with its default there.
   * @throws As `find()`: `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_PATTERN_TIMEOUT`, `OPSLOG_IO`, `OPSLOG_CORRUPT`. All reject.
   */
  findOne(
    query: Query<T>,
    options: Omit<FindOptions<T>, "limit"> & ChosenFields<T>,
  ): Promise<Chosen<T> | undefined>;
  findOne(query: Query<T>, options?: Omit<FindOptions<T>, "limit">): Promise<T | undefined>;

  /**
   * How many records meet a query.
   *
   * Cost: as `find()`, without any objects.
   *
   * @param query Which records.
   * @param options An aborted `signal` ends it with the signal's reason (default: none).
   * @throws As `find()`: `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_PATTERN_TIMEOUT`, `OPSLOG_IO`, `OPSLOG_CORRUPT`. All reject.
   */
  countWhere(query: Query<T>, options?: { signal?: AbortSignal | undefined }): Promise<number>;

  /**
   * How `find()` carries out the same query: which indexes it uses, and how many keys and records it reads.
   *
   * Cost: as `find()`, without any objects.
   *
   * @param query Which records.
   * @param options As for `find()`; each with its default there.
   * @throws As `find()`: `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_PATTERN_TIMEOUT`, `OPSLOG_IO`, `OPSLOG_CORRUPT`. All reject.
   */
  explain(query: Query<T>, options?: FindOptions<T>): Promise<Explanation>;

  /**
   * Resolves once every declared index is built. `find()` works without waiting: until then it tries each record.
   *
   * Cost: none if the indexes are there; otherwise, for each index, a pass over the snapshot and a sort, on another thread,
   * with some 60 bytes of memory for each record.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`. All reject.
   */
  whenIndexed(): Promise<void>;

  /**
   * The records of these ids, in the order of the ids; `undefined` where there is none.
   *
   * Cost: that of `get()` for each.
   *
   * @param ids The records' ids.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`; `OPSLOG_INVALID_ARGUMENT` for a value that is no list.
   */
  getMany(ids: readonly string[]): (T | undefined)[];

  /**
   * All ids in the store's order, as they are at the call. Later changes do not affect the iteration.
   *
   * Cost: reads the records in pieces of 256 KB as the iteration advances, and keeps none. An `undo()` during the iteration
   * first reads all remaining records.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`.
   */
  keys(): IterableIterator<string>;

  /**
   * All records in the store's order, as they are at the call. They are new objects.
   *
   * Cost: as `keys()`, and one object for each.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`.
   */
  values(): IterableIterator<T>;

  /**
   * All ids and records in the store's order, as they are at the call: `for (const [id, record] of store)`.
   *
   * Cost: as `values()`.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`.
   */
  [Symbol.iterator](): IterableIterator<[string, T]>;

  /**
   * Ids and records in the order of the ids, by UTF-16 code units as `<` compares them, as they are at the first step. The
   * records are new objects.
   *
   * Cost: in proportion to the returned records, if there is an index of the ids' order. In a store of more than 5,000 records,
   * the first scan with a bound starts to build that index in the background, in `index/` beside the snapshot; checkpoints
   * keep it from then on. A reader that finds no such index keeps one in memory, of some 40 bytes for each record. Without the
   * index, a scan reads every id once, on another thread, and once more for each 350,000 ids or more that it returns. It holds some 20 MB
   * at most: places of records, of 12 bytes each, and values in pieces of 256 KB as the iteration advances.
   *
   * @param options Which ids, in which direction, how many, and a signal; each with its default there.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, and the signal's reason. All reject.
   */
  scan(options?: ScanOptions): AsyncGenerator<[string, T]>;

  /**
   * Which files make up the store at the moment, as a copy; `null` when the store is not open.
   *
   * Cost: a small copy; no file is read.
   *
   * @throws Nothing: a store that is not open returns `null`, and throws no `OPSLOG_NOT_OPEN`.
   */
  getManifest(): ManifestInfo | null;

  /**
   * The records of the current snapshot, without those of the log, and without loading them all.
   *
   * Cost: one pass over the snapshot; about a megabyte of it is in memory. If the writer has meanwhile replaced and deleted the
   * snapshot that this store knows, the store first catches up as `tail()` does, and the current snapshot is read.
   *
   * @param options An aborted `signal` ends it with the signal's reason (default: none).
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT` (the options), `OPSLOG_CORRUPT`, `OPSLOG_IO` (also if the snapshot is
   * gone; through a backend, the errors of its method). All reject.
   */
  streamSnapshot(options?: { signal?: AbortSignal | undefined }): AsyncGenerator<[string, T]>;

  /**
   * The operations of the log, by clock if there are many writers. Changes nothing in the store.
   *
   * Cost: one pass over the log, operation by operation; among many writers all logs are in memory.
   *
   * @param sinceTimestamp Only operations whose `ts` is greater, compared as strings (default: all).
   * @param options An aborted `signal` ends it with the signal's reason (default: none).
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT` (a time that is no string, the options), `OPSLOG_IO`,
   * `OPSLOG_CORRUPT`. All reject.
   */
  getWalOps(
    sinceTimestamp?: string,
    options?: { signal?: AbortSignal | undefined },
  ): AsyncGenerator<LoggedOperation<T>>;

  /**
   * The number of records, or of those for which the predicate returns a truthy value.
   *
   * Cost: none without a predicate; with one, as `filter()`.
   *
   * @param predicate Called with each record and its id (default: all count).
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`; `OPSLOG_INVALID_ARGUMENT` for a predicate that is no
   * function; and the errors of the predicate.
   */
  count(predicate?: (value: T, id: string) => boolean): number;

  /**
   * Runs a synchronous function whose `set()` and `delete()` calls are logged together: all of them, or, if
   * it throws or the write fails, none. Also across a crash.
   *
   * Cost: one write for all calls; their lines are in memory until then.
   *
   * @param fn Calls `set()` and `delete()` of this store or of its argument; both return `void` there. Must not be async.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`; the errors of the function and of the calls in it; `OPSLOG_INVALID_ARGUMENT` if
   * `fn` is no function or returns a promise; otherwise as `set()`. An agent's also `OPSLOG_NOT_FOUND`, if another agent has just
   * deleted a record that the batch deletes. All reject.
   */
  batch(fn: BatchFunction<T>): Promise<void>;

  /**
   * Runs a function that reads and changes records: all of its changes are logged together, or, if it throws or the write
   * fails, none. No other call and no other agent changes anything in between: an agent's transaction holds the folder's lock
   * exclusively and first applies the other agents' operations. So two processes that increment a counter lose no increment. The
   * function runs once, in the caller's async context, when earlier calls are done.
   *
   * Cost: as `batch()`. An agent's also takes the lock, and waits for running appends of other agents; transactions that are called
   * one right after the other share the lock, up to 64 of them.
   *
   * @param fn Gets the records. Must not be async, and must not call methods of the store itself.
   * @returns What the function returned.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_SKIP_LOAD`; `OPSLOG_INVALID_ARGUMENT` if `fn` is no function, returns a
   * promise or calls the store, or inside `batch()`; `OPSLOG_UNSUPPORTED` for an agent behind a backend, before the function runs; the
   * errors of the function and of the calls in it (`OPSLOG_EXISTS`, `OPSLOG_NOT_FOUND`, `OPSLOG_INVALID_VALUE`); and otherwise as
   * `batch()`. All reject, and nothing was changed then.
   */
  transaction<R>(fn: (tx: Transaction<T>) => R): Promise<R>;

  /**
   * Creates a record that must not exist yet. The value is taken at the call: later changes of the object have no effect.
   *
   * Cost: that of a transaction.
   *
   * @param id The record's id.
   * @param value As for `set()`.
   * @throws `OPSLOG_EXISTS`; otherwise as `transaction()`: `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_INVALID_VALUE`. All reject.
   */
  insert(id: string, value: T): Promise<void>;

  /**
   * Replaces a record by the result of a function that gets it.
   *
   * Cost: that of a transaction.
   *
   * @param id The record's id.
   * @param change Gets a copy of the record, which it may change and return, or `undefined` if there is no record; returns the
   * next value, or `undefined` to change nothing. Must not be async, and must not call methods of the store.
   * @returns The record as it is afterwards.
   * @throws As `transaction()`: `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_INVALID_VALUE`. All reject.
   */
  update(id: string, change: (current: T | undefined) => T | undefined): Promise<T | undefined>;

  /**
   * Replaces fields of a record. Their values are taken at the call: later changes of the object have no effect.
   *
   * Cost: that of a transaction.
   *
   * @param id The record's id.
   * @param partial The fields; one that is `undefined` is removed.
   * @throws `OPSLOG_NOT_FOUND`; otherwise as `transaction()`: `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_INVALID_ARGUMENT` (also for a
   * record that is no object, and for a `Map`, a promise or another instance of a class in which JSON finds no field),
   * `OPSLOG_INVALID_VALUE` (also for a field that JSON has no text for, such as a function). All reject.
   */
  patch(id: string, partial: { [K in keyof T]?: T[K] | undefined }): Promise<void>;

  /**
   * Replaces a record if it has the expected value.
   *
   * Cost: that of a transaction, and a comparison of the two values.
   *
   * @param id The record's id.
   * @param expected The value that the record must have, compared as JSON, in any order of fields; `undefined` if there must be no record.
   * @param next The new value.
   * @returns Whether it had the expected value.
   * @throws As `transaction()`: `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_INVALID_VALUE`. All reject.
   */
  compareAndSet(id: string, expected: T | undefined, next: T): Promise<boolean>;

  /**
   * Deletes all records, as one transaction.
   *
   * Cost: a line in the log for each record; all lines are in memory until they are written.
   *
   * @returns How many there were.
   * @throws As `transaction()`: `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_INVALID_ARGUMENT`. All reject.
   */
  clear(): Promise<number>;

  /**
   * Takes back the last operation since the last checkpoint; an agent takes back its own last operation. `false` if there
   * is none.
   *
   * Cost: cuts the last line off the log: a system call or two. Waits for a sync if it undoes one of several operations of
   * a batch, or if `durability` is not `"process"`. A whole batch costs one cut, on another thread.
   *
   * @param options `batch` (default: false): `true` takes the whole last batch back, all or nothing. If single calls have undone a
   * part of the batch, the rest is taken back. An operation outside of a batch is taken back alone.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_IO`, `OPSLOG_FAILED`, `OPSLOG_INVALID_ARGUMENT` (the options);
   * an agent's also `OPSLOG_LOCKED`, `OPSLOG_CORRUPT`. All
   * reject, and nothing was undone then.
   */
  undo(options?: { batch?: boolean | undefined }): Promise<boolean>;

  /**
   * The history: every operation that the logs hold, each once, in order, across checkpoints and restarts, with the full value
   * before it. Values are as they were written: `migrate` is not called for them. `archive()` is no operation.
   *
   * Without `live` it ends with the last operation that is there at the first step. With `live` it continues with new
   * operations, also of this store and of other processes. A consumer that stores the last position with its result, and
   * continues from it later, misses no operation and sees none twice. If an operation that was yielded is undone while the
   * consumer listens, the consumer gets a `Retraction`.
   *
   * Among agents, operations come in the order of clock and agentId, as far as they are known when they are yielded. If an
   * operation of another agent becomes known later, it is yielded later, whatever its clock.
   *
   * Cost: reads the logs in pieces on another thread, and holds two pieces; an idle live reader waits for the system's
   * notification.
   *
   * A store in memory keeps the last 16 MB of its log, in whole logs, where the option `retain` gives no other limits.
   *
   * Through a backend, whole logs are read, one after the other, and a live reader polls once a second.
   *
   * @param options Which operations, in which order, and a signal (default: all, from the first operation on); each with its
   * default there.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_POSITION_GONE`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, what the methods of a
   * backend reject with, the reason of the signal. All reject.
   */
  changes(options?: ChangesOptions): AsyncIterableIterator<Change<T> | Retraction>;

  /**
   * Calls a function with the operations that take effect from now on, in order, each once: this store's own, and those of other
   * agents and writers. If an operation is undone from now on, the listener gets a `Retraction`, also of an operation made before.
   * An operation that is undone before the listener was called with it may be left out, together with its retraction.
   *
   * Listeners are called soon after an operation takes effect: when it is in the log; with `writeMode` `"group"` and `"async"`, when
   * the buffer is written. They never get a failed write. `close()` resolves after the listeners were called with all earlier writes;
   * afterwards no listener is called.
   * `archive()` is no operation, except with `skipLoad`. Values are as they were written: `migrate` is not called for them.
   *
   * A listener gets the changes of `changes({ after: store.position, live: true })`, in pieces. In a folder, the retractions of operations
   * come first that the store shows at the call and another process has undone. Through a backend, the operations of
   * other processes are polled once a second.
   *
   * No write waits for a listener, whatever the listener awaits. Its error, or the rejection of its promise, becomes a warning of the
   * process with the code `OPSLOG_LISTENER_FAILED`. It runs in the async context of the call of `on()`.
   *
   * Cost: each listener reads the log for itself, in a folder on another thread. A store without listeners pays nothing.
   * The listeners of a reader or agent keep the process alive until `off()` or `close()`.
   *
   * @param event `"change"`.
   * @param listener Called with the changes, which are new objects.
   * @returns The store.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, `OPSLOG_FAILED`. At once.
   */
  on(event: "change", listener: (changes: (Change<T> | Retraction)[]) => void): this;

  /**
   * Removes a listener: it is not called any more. If it was added more than once, the last one is removed. Does nothing if it was not added.
   *
   * Cost: none.
   *
   * @param event `"change"`.
   * @param listener The function that was given to `on()`.
   * @returns The store.
   * @throws `OPSLOG_INVALID_ARGUMENT`. Not `OPSLOG_NOT_OPEN`: `close()` has already removed all listeners.
   */
  off(event: "change", listener: (changes: (Change<T> | Retraction)[]) => void): this;

  /**
   * The position after the last operation that the store shows: `changes({ after: store.position })` yields the later operations.
   * The buffer is written first.
   *
   * Through a backend it is the position after the last logged operation: buffered operations, and those in flight, come later.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`.
   */
  readonly position: Position;

  /**
   * The store as it was at an earlier place of its history: with every operation up to that place, in the total order, except
   * those that `undo()` took back. The view does not change, whatever the store does next, and holds no lock.
   *
   * A time stands for the place after the last operation whose `ts` is not later. Where the clocks of agents differ, the
   * order of the operations decides, not their `ts`. Records that the store no longer has come after those that it still has.
   *
   * Values are of the `version` that `open()` was given: `migrate` is called for values of an older version, and if it throws, this
   * rejects with its error. Behind a backend values are as they were logged.
   *
   * Records that were archived since have the values that they had then. That needs notes in `index/`, which `archive()` of this
   * version writes, but that of 0.8.1 does not.
   *
   * Cost: reads the operations since that place, on another thread, and holds the previous value of each record that they
   * changed; no copy of the store is made. In a folder of agents, earlier operations may be read as well, since agents write
   * at the same time without knowing of each other.
   *
   * @param when A position that the store gave, a `Date`, or an ISO time such as `"2026-01-31T12:00:00.000Z"`.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT`; `OPSLOG_POSITION_GONE` if the operation of a position was undone, or operations
   * that are needed were pruned; `OPSLOG_SKIP_LOAD`; `OPSLOG_IO`, `OPSLOG_CORRUPT`. All reject.
   */
  at(when: Position | Date | string): Promise<View<T>>;

  /**
   * Makes the records what they were at an earlier place: logs a `set()` for each record that is different now, and a `delete()` for
   * each that was not there then, all in one batch. Nothing is taken out of the history, and `undo()` takes these operations back
   * one by one.
   *
   * Cost: that of `at()`, and of a transaction. Other writers wait for the transaction alone: what was written while the earlier state was
   * looked for is taken along.
   *
   * @param options The place to go back to, and which records (default: all).
   * @returns How many records were changed.
   * @throws As `at()` and `transaction()`: `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_SKIP_LOAD`, `OPSLOG_INVALID_ARGUMENT`,
   * `OPSLOG_POSITION_GONE`, `OPSLOG_UNSUPPORTED`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, `OPSLOG_FAILED`; an agent's also `OPSLOG_LOCKED`;
   * `OPSLOG_NOT_UNIQUE` if a record that `ids` leaves alone has a value by now, or two records had it then. All reject, and nothing was changed then.
   */
  revert(options: RevertOptions): Promise<number>;

  /**
   * The operations on a record since the last checkpoint, oldest first. A fresh array of shared objects.
   *
   * Cost: reads all operations since the checkpoint; parsed objects are kept.
   *
   * @param id The record's id.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`.
   */
  getHistory(id: string): LoggedOperation<T>[];

  /**
   * The operations since the last checkpoint, oldest first. A fresh array of shared objects.
   *
   * Cost: as `getHistory()`.
   *
   * @param since An ISO 8601 time: only operations whose `ts` is greater, compared as strings (default: all).
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`, `OPSLOG_CORRUPT`, as `get()`; `OPSLOG_INVALID_ARGUMENT` for a time that is no
   * string, such as a `Date`.
   */
  getOps(since?: string): LoggedOperation<T>[];

  /**
   * Makes a checkpoint: a new snapshot and an empty log. Other calls do not wait for it. An agent's checkpoint includes the
   * operations of all agents, and waits for a running checkpoint of another agent.
   *
   * Cost: writes and syncs all records, on another thread.
   *
   * @param options A progress function (default: none).
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_SKIP_LOAD`, `OPSLOG_IO`, `OPSLOG_FAILED`; an agent's also
   * `OPSLOG_LOCKED`, `OPSLOG_CORRUPT`; `OPSLOG_INVALID_ARGUMENT` for invalid options. All reject, and no operation is lost then.
   */
  compact(options?: ProgressOptions): Promise<void>;

  /**
   * Copies the store into a folder that is empty or does not exist, while reads, writes and checkpoints go on.
   * The copy is a store of its own: it holds exactly the content of this one at one moment between the call and its
   * end, with everything that was acknowledged before the call, whatever the write mode.
   *
   * It has the manifest, the snapshot, the log and the archive segments that the manifest names; with
   * `sealedLogs` also the logs of earlier checkpoints. It has no lock files, no index (made anew when needed),
   * and no blobs, which are the caller's: copy them with the backend's methods, after this. All agents' logs
   * are copied as of one moment. A read-only store copies its folder, without writing to it.
   *
   * The copy is durable when the promise resolves. Until then its manifest is one that no version opens, so that an incomplete
   * copy, which a crash may leave, is never opened as a store. Delete such a folder.
   *
   * Cost: one pass over the files on libuv's pool, in pieces of 16 MiB; where other processes write (agents, a read-only
   * store) two passes over the logs. Appends do not wait, with two exceptions: some microseconds if `undo()` cuts the log
   * while it is copied, and among agents the time to read the lengths of the logs. `close()` waits for it.
   *
   * @param dir The folder of the copy, a path or a `file:` URL object: new or empty, and not inside the store's.
   * @param options Sealed logs, a progress function and a signal; each with its default there.
   * @throws `OPSLOG_NOT_OPEN`; `OPSLOG_INVALID_ARGUMENT` (the folder is not empty, or inside the store's, or the store is
   * behind a backend of your own); `OPSLOG_IO`, `OPSLOG_CORRUPT`, `OPSLOG_FAILED`, among agents `OPSLOG_LOCKED`; and the
   * signal's reason. All reject, and the files that it has written are deleted then.
   */
  backup(dir: string | FileUrl, options?: BackupOptions): Promise<BackupResult>;

  /**
   * Deletes history: sealed logs with their indexes, superseded snapshots, also those of 0.8.1, and leftovers of processes that
   * died. Without `before` and `keepBytes` the limits of the option `retain` apply; without those, all history is deleted. Logs are
   * deleted oldest first, so that the newest part of the history stays unbroken. Reads, writes and `undo()` go on meanwhile,
   * checkpoints wait.
   *
   * Files that a process of this machine still needs stay, and so does all later history: files that a reader, or an agent
   * that calls `tail()`, has not read yet, and files that a backup with `sealedLogs` still copies. A process that has died
   * needs nothing.
   *
   * `dryRun` reports the files that would be deleted, except leftovers of processes. A read-only store can do that too.
   *
   * Cost: lists the folder's files, reads the first and the last line of each sealed log, and writes a new manifest, on another
   * thread. Among agents it waits for another agent's compaction.
   *
   * @param options Limits, a progress function and a signal; each with its default there.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY` (without `dryRun`); `OPSLOG_UNSUPPORTED` behind a backend without `deleteOpsFile()`, and in a folder without kernel
   * locks, which tell what readers need; `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_IO`, `OPSLOG_FAILED`, an agent's also `OPSLOG_LOCKED`; and the
   * signal's reason. All reject.
   */
  prune(options?: PruneOptions): Promise<PruneResult>;

  /**
   * How many files and bytes the store's folder has, by their purpose. A store in memory has none.
   *
   * Cost: lists all files below the folder, blobs included; reads none but the manifest.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_IO`; `OPSLOG_UNSUPPORTED` behind a backend without `listFiles()` that is not in a folder. All reject.
   */
  usage(): Promise<Usage>;

  /**
   * Moves the records for which the predicate returns a truthy value into an archive segment. Returns their number. An
   * agent does not move records that another agent has changed meanwhile.
   *
   * Cost: calls the predicate for every record, reads and writes the whole segment, and makes a checkpoint (none with `skipLoad`).
   *
   * @param predicate Called with each record and its id. Must not be async.
   * @param segment The segment's name (default: the current quarter, such as `2026-Q3`).
   * @param options A progress function (default: none).
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_READ_ONLY`, `OPSLOG_INVALID_ARGUMENT` (the predicate, also one that returns a promise, the
   * segment's name, the options), `OPSLOG_IO`,
   * `OPSLOG_CORRUPT` (an existing segment), `OPSLOG_FAILED`, an agent's also `OPSLOG_LOCKED`, and the errors of the predicate.
   * All reject, and all records are in the store then.
   */
  archive(
    predicate: (value: T, id: string) => boolean,
    segment?: string,
    options?: ProgressOptions,
  ): Promise<number>;

  /**
   * Paths of the archive segments, as a copy.
   *
   * Cost: none; no file is read.
   *
   * @throws `OPSLOG_NOT_OPEN`.
   */
  listArchiveSegments(): string[];

  /**
   * The records of an archive segment.
   *
   * Cost: reads and parses the whole segment; nothing of it is kept.
   *
   * @param segment Its period or its path.
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_INVALID_ARGUMENT` for an empty name or one that is no string, `OPSLOG_NOT_FOUND`,
   * `OPSLOG_CORRUPT`, `OPSLOG_IO`. All reject.
   */
  loadArchive(segment: string): Promise<Map<string, T>>;

  /**
   * How many records, operations and archive segments there are.
   *
   * Cost: none; no record is read.
   *
   * @throws `OPSLOG_NOT_OPEN`.
   */
  stats(): StoreStats;

  /**
   * Applies the operations of other processes. Until it resolves, all reads show the former state; from then on the new one.
   *
   * Cost: in proportion to the new operations; if there are none, it only checks the files. If the logs do not continue from the
   * last call, as after an archive, everything is loaded anew.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_CORRUPT`, `OPSLOG_IO`, an agent's also `OPSLOG_LOCKED`, `OPSLOG_FAILED`. All reject, and
   * every record is kept then.
   */
  refresh(): Promise<void>;

  /**
   * Applies the operations of other processes, and returns them, each once, as they were written: `data` of an older schema
   * version is not migrated. `get()` returns the migrated record.
   *
   * Cost: as `refresh()`, and the objects of those operations.
   *
   * @throws `OPSLOG_NOT_OPEN`, `OPSLOG_CORRUPT`, `OPSLOG_IO`, an agent's also `OPSLOG_LOCKED`, `OPSLOG_FAILED`, as `refresh()`.
   */
  tail(): Promise<LoggedOperation<T>[]>;

  /**
   * Polls with `tail()`, and calls the callback when there are new operations. A poll that fails, or a callback that throws,
   * is published on the diagnostics channel `opslog:watch-failed`, and polling continues. No poll begins before the
   * previous one has ended. In a folder, once a poll has found nothing, `watch()` waits for the system's notifications: a
   * change is then reported within milliseconds, and a folder without changes costs one poll a second.
   *
   * Cost: that of `tail()`, each time. Keeps the process alive until `unwatch()` or `close()`.
   *
   * @param callback Called with the new operations.
   * @param intervalMs At least this many milliseconds from one poll to the next (default: 1000), by real time.
   * @throws `OPSLOG_NOT_OPEN`; `OPSLOG_INVALID_ARGUMENT` for a callback that is no function, and for an interval that is no
   * finite number from 0 on. At once.
   */
  watch(callback: WatchCallback<T>, intervalMs?: number): void;

  /**
   * Ends `watch()`; does nothing otherwise. `close()` does it too.
   *
   * Cost: none.
   *
   * @throws Nothing, also if the store is not open: no `OPSLOG_NOT_OPEN`.
   */
  unwatch(): void;

  /**
   * Writes the buffer (`writeMode` `"group"` and `"async"`). Does nothing if the store is not open. With `durability`
   * `"interval"` or `"always"` it resolves when all earlier writes are durable.
   *
   * Cost: one write of the whole buffer, and a sync unless `durability` is `"process"`.
   *
   * @throws `OPSLOG_IO`, `OPSLOG_FAILED`. Both reject, and the buffer is kept then.
   */
  flush(): Promise<void>;

  /**
   * The same as `flush()`.
   *
   * Cost: as `flush()`.
   *
   * @throws `OPSLOG_IO`, `OPSLOG_FAILED`, as `flush()`.
   */
  sync(): Promise<void>;
}

/**
 * The file system as a backend. Each method works on its own after `initialize()`, also in a subclass.
 *
 * A method that reads a missing file rejects with Node's own `ENOENT`, and the blob methods reject with Node's own codes.
 * Other failures are `OPSLOG_IO`. Blob paths must lie inside the store's folder and never name its lock or its manifest
 * (`OPSLOG_INVALID_ARGUMENT`).
 */
export declare class FsBackend implements StorageBackend {
  initialize(
    dir: string | FileUrl,
    opts: { readOnly: boolean; locking?: "kernel" | "pid" | undefined },
  ): Promise<void>;
  shutdown(): Promise<void>;
  readManifest(): Promise<Manifest | null>;
  writeManifest(manifest: Manifest): Promise<void>;
  writeSnapshot(records: Map<string, unknown>, version: number): Promise<string>;
  loadSnapshot(relativePath: string): Promise<{ records: Map<string, unknown>; version: number }>;
  appendOps(relativePath: string, ops: Operation[]): Promise<void>;
  readOps(relativePath: string): Promise<Operation[]>;
  truncateLastOp(relativePath: string): Promise<boolean>;
  createOpsFile(): Promise<string>;
  writeArchiveSegment(period: string, records: Map<string, unknown>): Promise<string>;
  loadArchiveSegment(relativePath: string): Promise<Map<string, unknown>>;
  listArchiveSegments(): Promise<string[]>;
  acquireLock(): Promise<LockHandle>;
  releaseLock(handle: LockHandle): Promise<void>;
  createAgentOpsFile(agentId: string): Promise<string>;
  listOpsFiles(): Promise<string[]>;
  deleteOpsFile(relativePath: string): Promise<number | null>;
  deleteSnapshot(relativePath: string): Promise<number | null>;
  acquireCompactionLock(): Promise<LockHandle>;
  releaseCompactionLock(handle: LockHandle): Promise<void>;
  getManifestVersion(): Promise<string | null>;
  /** Written in place and not synced: a blob that must survive a power cut is the caller's to sync. */
  writeBlob(relativePath: string, content: Buffer): Promise<void>;
  readBlob(relativePath: string): Promise<Buffer>;
  readBlobRange(relativePath: string, offset: number, length: number): Promise<Buffer>;
  listBlobs(prefix: string): Promise<string[]>;
  /** Does nothing if the blob is missing. */
  deleteBlob(relativePath: string): Promise<void>;
  /** Does nothing if the folder is missing. Refuses the store's folder itself. */
  deleteBlobDir(prefix: string): Promise<void>;
}

/** A Lamport clock: orders the operations of many writers. */
export declare class LamportClock {
  /**
   * @param initial The value to go on from (default: 0).
   * @throws `OPSLOG_INVALID_ARGUMENT` for a value that is no finite number.
   */
  constructor(initial?: number);
  /**
   * Counts a local event. Returns the new value.
   *
   * Cost: none.
   *
   * @throws Nothing with an `OPSLOG_` code.
   */
  tick(): number;
  /**
   * Moves past a value received from another writer. Returns the new value.
   *
   * Cost: none.
   *
   * @param received The other's value.
   * @throws `OPSLOG_INVALID_ARGUMENT` for a value that is no finite number.
   */
  merge(received: number): number;
  /** The current value. */
  get current(): number;
}

/** The difference from a record back to its previous version, by top-level fields. */
export interface DeltaPatch {
  /** Fields to set, with their old values. */
  $set?: Record<string, unknown>;
  /** Fields to remove. */
  $unset?: string[];
}

/**
 * The patch that turns `newRecord` back into `oldRecord`. `null` if they are equal as JSON, or if there is no
 * old record. Fields may have any name.
 *
 * Cost: one `JSON.stringify` of each field of both.
 *
 * @param oldRecord The previous version; `null` if there was none.
 * @param newRecord The current version.
 * @throws `OPSLOG_INVALID_ARGUMENT` for a value that is no object, and the errors of `JSON.stringify`.
 */
export declare function createDelta(
  oldRecord: Record<string, unknown> | null,
  newRecord: Record<string, unknown>,
): DeltaPatch | null;

/**
 * A copy of the record with the patch applied.
 *
 * Cost: a shallow copy.
 *
 * @param record The current version.
 * @param patch The difference to the previous version.
 * @throws `OPSLOG_INVALID_ARGUMENT` for a value that is no object or no patch.
 */
export declare function applyDelta(
  record: Record<string, unknown>,
  patch: DeltaPatch,
): Record<string, unknown>;

/**
 * Whether the patch takes less JSON text than the full record.
 *
 * Cost: one `JSON.stringify` of each.
 *
 * @param patch A patch; `null` is never smaller.
 * @param fullRecord The record that it leads to.
 * @throws `OPSLOG_INVALID_ARGUMENT` for a value that is no object, and the errors of `JSON.stringify`.
 */
export declare function isDeltaSmaller(
  patch: DeltaPatch | null,
  fullRecord: Record<string, unknown> | null,
): boolean;

/**
 * The records of a snapshot file, one by one. Returns the snapshot's version.
 *
 * Cost: one pass over the file; reads about a megabyte ahead.
 *
 * @param dir The store's folder: a path, or a `file:` URL object.
 * @param relativePath The snapshot, as the manifest names it.
 * @param options An aborted `signal` ends it with the signal's reason (default: none).
 * @throws Node's own `ENOENT` if there is no such file; `OPSLOG_CORRUPT` at a damaged line; `OPSLOG_INVALID_ARGUMENT`,
 * `OPSLOG_IO`. All reject.
 */
export declare function streamSnapshotFile<T>(
  dir: string | FileUrl,
  relativePath: string,
  options?: { signal?: AbortSignal | undefined },
): AsyncGenerator<[string, T], { version: number }>;

/**
 * Takes the write lock of a folder: `.lock`, with the process's pid in it. A lock that a dead process left is taken over.
 * The result has these members of a FileHandle: `fd`, `stat()`, `readFile()`, `close()` (which leaves the file where it is)
 * and `Symbol.asyncDispose`.
 *
 * Cost: a few system calls; waits for up to two seconds where the lock's file is empty.
 *
 * @param dir The folder, a path or a `file:` URL object; it must be there.
 * @param options `locking`, as for `Store.open()` (default: `"kernel"`).
 * @throws `OPSLOG_LOCKED` if a living process holds it; `OPSLOG_UNSUPPORTED`, `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_IO`,
 * `OPSLOG_NATIVE_UNAVAILABLE`. All reject.
 */
export declare function acquireLock(
  dir: string | FileUrl,
  options?: { locking?: "kernel" | "pid" | undefined },
): Promise<FileHandle>;

/**
 * Gives the write lock of a folder back and removes its file.
 *
 * Cost: a few system calls.
 *
 * @param dir The folder: a path, or a `file:` URL object.
 * @param fh What `acquireLock()` returned.
 * @throws `OPSLOG_INVALID_ARGUMENT`, `OPSLOG_IO`, and Node's own `EBADF` if it was given back before. All reject.
 */
export declare function releaseLock(dir: string | FileUrl, fh: FileHandle): Promise<void>;

/**
 * Returns the value if it is an operation.
 *
 * Cost: looks at its own fields, and makes no copy.
 *
 * @param raw What `JSON.parse` returned.
 * @throws `OPSLOG_CORRUPT` if it is not.
 */
export declare function validateOp<T>(raw: unknown): Operation<T>;

/**
 * Returns the value if it is a manifest.
 *
 * Cost: looks at its own fields, and makes no copy.
 *
 * @param raw What `JSON.parse` returned.
 * @throws `OPSLOG_CORRUPT` if it is not.
 */
export declare function validateManifest(raw: unknown): Manifest;

/**
 * Returns the value if it is a snapshot in the old format.
 *
 * Cost: looks at its own fields, and makes no copy.
 *
 * @param raw What `JSON.parse` returned.
 * @throws `OPSLOG_CORRUPT` if it is not.
 */
export declare function validateSnapshot<T>(raw: unknown): Snapshot<T>;

/**
 * Returns the value if it is an archive segment.
 *
 * Cost: looks at its own fields, and makes no copy.
 *
 * @param raw What `JSON.parse` returned.
 * @throws `OPSLOG_CORRUPT` if it is not.
 */
export declare function validateArchiveSegment<T>(raw: unknown): ArchiveSegment<T>;
