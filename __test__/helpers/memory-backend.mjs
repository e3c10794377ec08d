/** A bucket in memory, and plain objects that drive it as backends: one per writer, as processes would be. */

/** What is in the bucket; shared by the backends of a test. */
export function memoryBucket() {
  return { manifest: null, version: 0, files: new Map(), locks: new Set(), names: 0 };
}

const loopTurn = () => new Promise((resolve) => setImmediate(resolve));
const copy = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

function held() {
  return Object.assign(new Error("the lock is held"), { code: "OPSLOG_LOCKED" });
}

/**
 * A backend over a bucket. `conditional` adds `writeManifestIf`; `ignoresConditions` makes it a server that
 * takes every write; `deletes` adds the methods that delete and list files; `before(method, ...args)` is awaited ahead of each call and may throw. `turn` is awaited ahead of that; with
 * `null`, methods are done without a turn of the event loop. `ranges` keeps snapshots and blobs as bytes, of which ranges are read;
 * with `pieces` it also takes a blob in pieces. With `lines` a log is handed over as lines.
 */
export function memoryBackend(
  bucket,
  {
    conditional = false,
    ignoresConditions = false,
    unsafeLock = false,
    deletes = false,
    ranges = false,
    pieces = false,
    lines = false,
    turn = loopTurn,
  } = {},
) {
  const calls = [];
  const holding = new Set();
  const unlock = ({ name }) => {
    if (holding.delete(name)) bucket.locks.delete(name);
  };
  const lock = (name) => {
    if (bucket.locks.has(name) && !unsafeLock) throw held();
    bucket.locks.add(name);
    holding.add(name);
    return { name };
  };
  const create = (prefix) => {
    const path = `${prefix}-${++bucket.names}`;
    bucket.files.set(path, []);
    return path;
  };
  const deleted = (path) => {
    const content = bucket.files.get(path);
    bucket.files.delete(path);
    return content === undefined ? null : JSON.stringify(content).length;
  };
  const missing = (path) => Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
  const write = (manifest) => {
    bucket.manifest = copy(manifest);
    bucket.version += 1;
    return String(bucket.version);
  };
  const methods = {
    initialize() {},
    shutdown() {},
    readManifest: () => copy(bucket.manifest),
    writeManifest: (manifest) => void write(manifest),
    getManifestVersion: () => (bucket.manifest === null ? null : String(bucket.version)),
    writeSnapshot(records, version) {
      const path = `snapshot-${++bucket.names}`;
      bucket.files.set(path, { records: copy([...records]), version });
      return path;
    },
    loadSnapshot(path) {
      if (!bucket.files.has(path)) throw missing(path);
      const { records, version } = bucket.files.get(path);
      return { records: new Map(copy(records)), version };
    },
    appendOps(path, operations) {
      bucket.files.set(path, [...(bucket.files.get(path) ?? []), ...copy(operations)]);
    },
    readOps: (path) => copy(bucket.files.get(path) ?? []),
    truncateLastOp: (path) => bucket.files.get(path)?.pop() !== undefined,
    createOpsFile: () => create("log"),
    createAgentOpsFile: (agentId) => create(`log-${agentId}`),
    writeArchiveSegment(period, records) {
      const path = `archive-${period}.json`;
      const before = bucket.files.get(path) ?? [];
      bucket.files.set(path, [...new Map([...before, ...copy([...records])])]);
      return path;
    },
    loadArchiveSegment: (path) => new Map(copy(bucket.files.get(path))),
    writeBlob: (path, content) => void bucket.files.set(path, String(content)),
    readBlob(path) {
      if (!bucket.files.has(path)) throw missing(path);
      return Buffer.from(bucket.files.get(path));
    },
    deleteBlob: (path) => void bucket.files.delete(path),
    ...(ranges && {
      writeSnapshotFrom(records, version, onBytes) {
        const path = `snapshots/snap-${++bucket.names}.jsonl`;
        const lines = [JSON.stringify({ version, timestamp: new Date().toISOString() })];
        for (const [id, data] of records) lines.push(JSON.stringify({ id, data }));
        const content = Buffer.from(`${lines.join("\n")}\n`);
        // Pieces end anywhere.
        for (let from = 0; from < content.length; from += 100_003)
          onBytes?.(content.subarray(from, from + 100_003));
        bucket.files.set(path, content);
        return path;
      },
      loadSnapshot(path) {
        if (!bucket.files.has(path)) throw missing(path);
        const [header, ...lines] = String(bucket.files.get(path)).trimEnd().split("\n").map(JSON.parse);
        return { records: new Map(lines.map(({ id, data }) => [id, data])), version: header.version };
      },
      writeBlob: (path, content) => void bucket.files.set(path, Buffer.from(content)),
      readBlobRange(path, offset, length) {
        if (!bucket.files.has(path)) throw missing(path);
        return bucket.files.get(path).subarray(offset, offset + length);
      },
    }),
    ...(pieces && {
      writeBlobFrom(path, buffers) {
        bucket.files.set(path, Buffer.concat(Array.from(buffers, (piece) => Buffer.from(piece))));
      },
    }),
    ...(lines && {
      readOpsLines(path) {
        const texts = (bucket.files.get(path) ?? []).map((operation) => `${JSON.stringify(operation)}\n`);
        const pieces = [];
        while (texts.length > 0) pieces.push(Buffer.from(texts.splice(0, 3).join("")));
        return pieces;
      },
    }),
    ...(deletes && {
      deleteOpsFile: (path) => deleted(path),
      deleteSnapshot: (path) => deleted(path),
      listFiles: () =>
        [...bucket.files].map(([path, content]) => ({ path, bytes: JSON.stringify(content).length })),
    }),
    acquireLock: () => lock("single"),
    releaseLock: unlock,
    acquireCompactionLock: () => lock("compaction"),
    releaseCompactionLock: unlock,
    ...(conditional && {
      writeManifestIf(manifest, version) {
        const current = bucket.manifest === null ? null : String(bucket.version);
        return version === current || ignoresConditions ? write(manifest) : null;
      },
    }),
  };
  /** Gives up what a dead process held, as a time to live does. */
  const dropLocks = () => [...holding].forEach((name) => unlock({ name }));
  const backend = { bucket, calls, dropLocks, before: async () => {}, after: async () => {} };
  for (const [name, method] of Object.entries(methods)) {
    backend[name] = async (...args) => {
      await turn?.();
      await backend.before(name, ...args);
      calls.push(name);
      const result = method(...args);
      await backend.after(name, ...args);
      return result;
    };
  }
  return backend;
}

/** A gate in a backend: the next call of `method` waits there until it is opened. */
export function gate(backend, method, when = "before") {
  const { promise: reached, resolve: reach } = withResolvers();
  const { promise: opened, resolve: open } = withResolvers();
  const usual = backend[when];
  backend[when] = async (name, ...args) => {
    if (name === method) {
      backend[when] = usual;
      reach();
      await opened;
    }
    await usual(name, ...args);
  };
  return { reached, open };
}

function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
