// Our types and those of 0.8.1 can stand for each other: every exported function and interface, and every
// public member of the classes, assigned both ways. Compiled, never run.

import * as ours from "@backloghq/opslog";
import * as theirs from "opslog-reference";

/** The public members of a class's instances; the private ones make classes incomparable. */
type Public<Instance> = Pick<Instance, keyof Instance>;

/** Accepts only two types that are assignable to each other. */
declare function same<A extends B, B extends C, C = A>(): void;

/** Accepts only a type that can stand for the second, and may take more than that does. */
declare function stands<A extends B, B>(): void;

// @ts-expect-error -- What this accepts must really be the same: else nothing below says anything.
same<{ a: string }, { a: string | number }>();
// @ts-expect-error -- In the other direction as well.
same<{ a: string | number }, { a: string }>();

interface Todo {
  title: string;
  done?: boolean;
}

same<ours.Operation, theirs.Operation>();
same<ours.Operation<Todo>, theirs.Operation<Todo>>();
same<ours.Snapshot<Todo>, theirs.Snapshot<Todo>>();
same<ours.Manifest, theirs.Manifest>();
same<ours.ManifestInfo, theirs.ManifestInfo>();
same<ours.ManifestStats, theirs.ManifestStats>();
same<ours.ArchiveSegment<Todo>, theirs.ArchiveSegment<Todo>>();
// Options may be `undefined`, also under `exactOptionalPropertyTypes`.
stands<theirs.StoreOptions, ours.StoreOptions>();
same<ours.StoreStats, theirs.StoreStats>();
same<ours.StorageBackend, theirs.StorageBackend>();
same<ours.LockHandle, theirs.LockHandle>();
same<ours.DeltaPatch, theirs.DeltaPatch>();

same<
  Exclude<
    keyof ours.StoreOptions,
    | "backendTimeoutMs"
    | "cacheSize"
    | "durability"
    | "locking"
    | "onProgress"
    | "recovery"
    | "syncIntervalMs"
    | "strictJson"
    | "replacer"
    | "reviver"
    | "retain"
    | "indexes"
  >,
  keyof theirs.StoreOptions
>();
same<keyof ours.Operation, keyof theirs.Operation>();
same<keyof ours.Manifest, keyof theirs.Manifest>();

// What prune() needs of it is ours.
same<Omit<Public<ours.FsBackend>, "deleteOpsFile" | "deleteSnapshot">, Public<theirs.FsBackend>>();
same<Public<ours.LamportClock>, Public<theirs.LamportClock>>();
same<ConstructorParameters<typeof ours.LamportClock>, ConstructorParameters<typeof theirs.LamportClock>>();
same<ConstructorParameters<typeof ours.Store>, ConstructorParameters<typeof theirs.Store>>();
same<ConstructorParameters<typeof ours.FsBackend>, ConstructorParameters<typeof theirs.FsBackend>>();

// Our Store has all of theirs, and some things more.
type Known = keyof theirs.Store;
// undo() takes options besides, the function of batch() gets a handle, and operations tell more.
type Alike = Exclude<Known, "undo" | "batch" | "getOps" | "getHistory" | "getWalOps" | "tail" | "watch">;
same<Pick<ours.Store<Todo>, Alike>, Pick<theirs.Store<Todo>, Alike>>();
same<Pick<ours.Store, Alike>, Pick<theirs.Store, Alike>>();
stands<Pick<ours.Store<Todo>, Known>, Pick<theirs.Store<Todo>, Known>>();
stands<Pick<ours.Store, Known>, Pick<theirs.Store, Known>>();
type Reading =
  | "at"
  | "fetch"
  | "filterAsync"
  | "find"
  | "findIds"
  | "findOne"
  | "countWhere"
  | "explain"
  | "whenIndexed"
  | "getMany"
  | "keys"
  | "values"
  | "scan"
  | typeof Symbol.iterator;
type History = "changes" | "position" | "on" | "off";
type Changing =
  "revert" | "transaction" | "revert" | "insert" | "update" | "patch" | "compareAndSet" | "clear";
type Keeping = "backup" | "prune" | "usage";
same<
  Exclude<keyof ours.Store, Known>,
  Reading | Changing | Keeping | History | "recovery" | typeof Symbol.asyncDispose
>();

same<Exclude<keyof typeof ours.Store, keyof typeof theirs.Store>, "verify" | "repair" | "recover">();
same<keyof typeof ours.FsBackend, keyof typeof theirs.FsBackend>();
same<keyof typeof ours.LamportClock, keyof typeof theirs.LamportClock>();

same<typeof ours.createDelta, typeof theirs.createDelta>();
same<typeof ours.applyDelta, typeof theirs.applyDelta>();
same<typeof ours.isDeltaSmaller, typeof theirs.isDeltaSmaller>();
// A folder may be a URL.
stands<typeof ours.streamSnapshotFile, typeof theirs.streamSnapshotFile>();
stands<typeof ours.acquireLock, typeof theirs.acquireLock>();
stands<typeof ours.releaseLock, typeof theirs.releaseLock>();
same<typeof ours.validateOp, typeof theirs.validateOp>();
same<typeof ours.validateManifest, typeof theirs.validateManifest>();
same<typeof ours.validateSnapshot, typeof theirs.validateSnapshot>();
same<typeof ours.validateArchiveSegment, typeof theirs.validateArchiveSegment>();

// The same values are exported, no more and no fewer.
same<keyof typeof ours, keyof typeof theirs>();

// A backend written against either package serves the other.
const ourOptions: ours.StoreOptions = { backend: new theirs.FsBackend() };
const theirOptions: theirs.StoreOptions = { backend: new ours.FsBackend() };

class Recording extends ours.FsBackend {
  override async appendOps(relativePath: string, ops: theirs.Operation[]): Promise<void> {
    await super.appendOps(relativePath, ops);
  }
}
const recording: theirs.StorageBackend = new Recording();

// What is new.
async function additions(signal: AbortSignal): Promise<void> {
  await using store = new ours.Store<Todo>();
  await store.open("todos");
  const report: ours.RecoveryReport | null = store.recovery;
  const first: { readonly path: string; readonly offset: number } | undefined = report?.skippedLines[0];
  for await (const [id, todo] of store.streamSnapshot({ signal })) (id satisfies string, todo satisfies Todo);
  for await (const op of store.getWalOps(undefined, { signal })) op satisfies ours.Operation<Todo>;
  for await (const [id] of ours.streamSnapshotFile<Todo>("todos", "snapshots/snap-1.jsonl", { signal })) {
    id satisfies string;
  }
  void first;
  const onProgress = ({ phase, done, total, unit }: ours.Progress) =>
    `${phase satisfies string} ${done / total} ${unit satisfies "bytes" | "records" | "files"}`;
  await store.compact({ onProgress });
  const { lost }: ours.RecoverReport = await ours.Store.recover("todos", "new", { signal });
  void lost[0]?.id;
  const pruned: ours.PruneResult = await store.prune({ before: new Date(), keepBytes: 1e6, signal });
  const { sealed }: ours.Usage = await store.usage();
  void [pruned.bytes, sealed.files];
  await store.archive(({ done }) => done === true, undefined, { onProgress });
  const found: ours.VerifyReport = await ours.Store.verify("todos", { onProgress });
  for (const { path, offset, remedy } of found.damage) {
    (path satisfies string, offset satisfies number | null, remedy satisfies string | null);
  }
  const { steps }: ours.RepairReport = await ours.Store.repair("todos");
  for (const { damage, aside } of steps) (damage satisfies ours.Damage, aside satisfies string);
}

// Under `exactOptionalPropertyTypes` every option may be `undefined`.
async function undefinedOptions(store: ours.Store<Todo>): Promise<void> {
  const all: { [Name in keyof ours.StoreOptions]-?: undefined } = {} as never;
  await store.open("todos", all);
  // A record that is migrated can be taken apart, or taken for what it was.
  await store.open("todos", { version: 2, migrate: ({ title, cents }) => ({ title, price: cents / 100 }) });
  await store.open("todos", { version: 2, migrate: (record: Todo) => ({ ...record, done: false }) });
  await store.open("todos", { version: 2, migrate: (record: unknown, from: number) => [record, from] });
  const onProgress = undefined;
  const signal = undefined;
  await store.compact({ onProgress });
  await store.archive(() => true, undefined, { onProgress });
  await store.backup("copy", { onProgress, signal, sealedLogs: undefined });
  await ours.Store.verify("todos", { onProgress });
  store.getWalOps(undefined, { signal });
  store.streamSnapshot({ signal });
  ours.streamSnapshotFile("todos", "snapshots/snap-1.jsonl", { signal });
}

// Records may be interfaces, lists, numbers, texts.
async function anyRecords(): Promise<void> {
  await new ours.Store<Todo[]>().set("a", [{ title: "x" }]);
  await new ours.Store<number>().set("a", 1);
  await new ours.Store<string>().set("a", "x");
  new ours.Store<Todo>().get("a")?.title satisfies string | undefined;
}

void anyRecords;
void undefinedOptions;
void ourOptions;
void theirOptions;
void recording;
void additions;
