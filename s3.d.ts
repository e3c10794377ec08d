import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import type { LockHandle, Manifest, Operation, StorageBackend } from "./index.js";

/** Options of `S3Backend`. */
export interface S3BackendOptions {
  /** The bucket. It must exist. */
  bucket: string;
  /** What the keys of all objects begin with: one store for each prefix. Default: none, the store has the whole bucket. */
  prefix?: string | undefined;
  /**
   * The client. It stays the caller's: it is not destroyed. Default: one that is made from `config`, and destroyed when
   * the last store that uses the backend is closed.
   */
  client?: S3Client | undefined;
  /** What the client is made from, if none is given. Default: `{}`, region and credentials from the environment. */
  config?: S3ClientConfig | undefined;
  /**
   * Milliseconds for one attempt of a request, its body included. Default: 10,000. A snapshot goes up and down in pieces of 5 MiB: give
   * more where 10 s are too few for one.
   */
  requestTimeoutMs?: number | undefined;
  /**
   * How often a request is sent before it fails, with random pauses between, longer from attempt to attempt (up to 5 s).
   * Default: 8. The client's own attempts come on top; a client with `maxAttempts: 1` has none.
   */
  attempts?: number | undefined;
  /**
   * Milliseconds after which a lock whose holder does not renew it any more can be taken over. Default: 60,000. What is
   * measured is the server's clock; clocks of writers do not matter. No promise rests on locks: they spare needless work.
   */
  lockTtlMs?: number | undefined;
  /**
   * Milliseconds, by the server's clock, for which objects stay that a checkpoint has superseded. Default: 3,600,000, an hour.
   * A reader that needs longer than this for one look misses its snapshot, and looks again. `Infinity`: nothing is deleted.
   */
  graceMs?: number | undefined;
  /** About how many bytes of memory are kept of logs that were read. Default: 33,554,432 (32 MiB). What is forgotten is read again. */
  cacheBytes?: number | undefined;
  /** Ends all requests when it is aborted: the calls that need them reject with its reason, or `OPSLOG_FAILED`. Default: nothing does. */
  signal?: AbortSignal | undefined;
}

/**
 * Keeps a store in a bucket of Amazon S3, or of a server that speaks its language and honours conditional writes
 * (`If-None-Match: *` and `If-Match` of `PutObject`). Give it to `store.open("", { backend })`.
 *
 * - A write that resolved is never lost, and one that was refused never shows, whatever becomes of answers, requests and
 *   processes: requests are sent again, and their effect is recognised by what was written.
 * - A single writer is fenced. Its appends are numbered objects that must not exist yet, and a writer that takes over closes
 *   the log: the next write of the one that was replaced rejects with `OPSLOG_LOCKED`, however long it was stopped.
 * - Any number of agents write at once (`agentId`).
 * - A server that ignores conditions is refused at `open()` for writing: `OPSLOG_UNSAFE_BACKEND`. So is one that lets several conditional
 *   writes through at once, where `open()` creates the store.
 *
 * It opens buckets of `@backloghq/opslog-s3`, and that package opens its.
 *
 * Errors carry a stable `code`: `OPSLOG_LOCKED`, another writer has the store; `OPSLOG_UNSAFE_BACKEND`; `OPSLOG_TIMEOUT`, the
 * server did not answer within `requestTimeoutMs`, `attempts` times; `OPSLOG_CORRUPT`, an object is not what it must be, `path`
 * is its name below the prefix; `OPSLOG_FAILED`, it is not known whether a write took effect. Errors of the AWS SDK come
 * through as they are.
 *
 * Cost, in requests (measured: docs/s3.md): calls in flight share one PUT. An awaited `set()` or a `batch()` of a single
 * writer is 1, of an agent 2; `undo()` is 2; `tail()` with nothing new is 1. A `fetch()` of a store that was opened with `skipLoad` is 2 of a few
 * hundred bytes, if the snapshot has 1 MiB or more.
 */
export declare class S3Backend implements StorageBackend {
  /**
   * Sends no request.
   *
   * @throws `OPSLOG_INVALID_ARGUMENT`: an option that is missing, unknown, or cannot be.
   */
  constructor(options: S3BackendOptions);
  readonly appendsAreWhole: true;
  initialize(): Promise<void>;
  shutdown(): Promise<void>;
  readManifest(): Promise<Manifest | null>;
  writeManifest(manifest: Manifest): Promise<void>;
  getManifestVersion(): Promise<string | null>;
  writeManifestIf(manifest: Manifest, version: string | null): Promise<string | null>;
  changeToken(): Promise<string>;
  writeSnapshot(records: Map<string, unknown>, version: number): Promise<string>;
  loadSnapshot(relativePath: string): Promise<{ records: Map<string, unknown>; version: number }>;
  writeSnapshotFrom(
    records: Iterable<[string, unknown]>,
    version: number,
    onBytes?: (bytes: Uint8Array) => void,
  ): Promise<string>;
  readSnapshot(relativePath: string): AsyncGenerator<[string, unknown][], number, undefined>;
  appendOps(relativePath: string, ops: Operation[]): Promise<void>;
  readOps(relativePath: string): Promise<Operation[]>;
  truncateLastOp(relativePath: string): Promise<boolean>;
  closeOpsFile(relativePath: string): Promise<void>;
  createOpsFile(): Promise<string>;
  createAgentOpsFile(agentId: string): Promise<string>;
  listOpsFiles(): Promise<string[]>;
  /** `null` also while the log is younger than `graceMs`: it goes after a later checkpoint. The mark of a closed log stays. */
  deleteOpsFile(relativePath: string): Promise<number | null>;
  deleteSnapshot(relativePath: string): Promise<number | null>;
  listFiles(): Promise<{ path: string; bytes: number }[]>;
  writeArchiveSegment(period: string, records: Map<string, unknown>): Promise<string>;
  loadArchiveSegment(relativePath: string): Promise<Map<string, unknown>>;
  listArchiveSegments(): Promise<string[]>;
  acquireLock(): Promise<LockHandle>;
  releaseLock(handle: LockHandle): Promise<void>;
  acquireCompactionLock(): Promise<LockHandle>;
  releaseCompactionLock(handle: LockHandle): Promise<void>;
  sync(): Promise<void>;
  writeBlob(relativePath: string, content: Buffer): Promise<void>;
  writeBlobFrom(relativePath: string, pieces: Iterable<Uint8Array>): Promise<void>;
  readBlob(relativePath: string): Promise<Buffer>;
  readBlobRange(relativePath: string, offset: number, length: number): Promise<Buffer>;
  listBlobs(prefix: string): Promise<string[]>;
  deleteBlob(relativePath: string): Promise<void>;
  deleteBlobDir(prefix: string): Promise<void>;
}
