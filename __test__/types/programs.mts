// Programs as users write them. Compiled, never run.

import { applyDelta, Store } from "@backloghq/opslog";
import type {
  Batch,
  Change,
  FieldPath,
  FindOptions,
  LoggedOperation,
  Operation,
  Retraction,
  StoreOptions,
  Transaction,
  View,
} from "@backloghq/opslog";

interface Task {
  title: string;
  due?: Date;
  owner: { name: string; address?: { city: string; geo: { lat: number } } };
  tags: string[];
  steps: { done: boolean; by: { name: string } }[];
}

// What was written against 0.8.1.

interface Audited extends Operation<Task> {
  reviewer: string;
}

function describe(operation: Operation<Task>): string {
  return `${operation.op} ${operation.id} ${operation.data?.title} ${operation.prev?.title}`;
}

class Logging extends Store<Task> {
  override async tail() {
    const operations = await super.tail();
    operations.map(describe);
    return operations;
  }
}

class Counting extends Store<Task> {
  override async batch(fn: () => void): Promise<void> {
    await super.batch(fn);
  }
  override watch(callback: (operations: Operation<Task>[]) => void, intervalMs?: number): void {
    super.watch(callback, intervalMs);
  }
}

async function asBefore(store: Store<Task>): Promise<string[]> {
  const audited: Audited = {
    ts: new Date().toISOString(),
    op: "set",
    id: "a",
    data: store.get("a")!,
    prev: null,
    reviewer: "Ada",
  };
  const operations: Operation<Task>[] = store.getOps();
  const tailed: Operation<Task>[] = await store.tail();
  const generator: AsyncGenerator<Operation<Task>> = store.getWalOps();
  for await (const operation of generator) describe(operation);
  store.watch((news: Operation<Task>[]) => void news.map(describe));
  store.watch((news) => void news.map(describe), 10);
  const callback: Parameters<Store<Task>["watch"]>[0] = (news) => void news.length;
  store.watch(callback);
  await store.batch(() => {
    store.set("a", audited.data!);
    store.delete("b");
  });
  const all: Operation<Task>[] = [audited, ...operations, ...tailed, ...store.getHistory("a")];
  const narrower: LoggedOperation<Task>[] = store.getOps().filter(({ op }) => op === "set");
  return [...all, ...narrower].map(describe);
}

// Operations and changes are told apart by their fields.

function previous(operation: LoggedOperation<Task>): Task | Record<string, unknown> | null {
  if (operation.op === "delete") {
    operation.data satisfies undefined;
    return operation.prev satisfies Task;
  }
  operation.data satisfies Task;
  if (operation.encoding === "delta") {
    operation.prev.$unset satisfies string[] | undefined;
    return applyDelta({ ...operation.data }, operation.prev);
  }
  return operation.prev satisfies Task | null;
}

function titles(changes: (Change<Task> | Retraction)[]): (string | undefined)[] {
  return changes.map((change) => {
    switch (change.type) {
      case "set":
        return change.value.title satisfies string;
      case "delete":
        change.value satisfies undefined;
        return change.before?.title;
      case "undone":
        return change.position satisfies string;
    }
  });
}

function listening(store: Store<Task>): void {
  const listener = (changes: (Change<Task> | Retraction)[]) => void titles(changes);
  store
    .on("change", listener)
    .off("change", listener)
    .on("change", async (changes) => void titles(changes));
  // @ts-expect-error -- There is no such event.
  store.on("changed", listener);
}

// Handles whose methods return nothing.

async function handles(store: Store<Task>, task: Task): Promise<void> {
  await store.batch((batch) => {
    batch.set("a", task) satisfies void;
    batch.delete("b") satisfies void;
    // @ts-expect-error -- Not a task.
    batch.set("c", { title: 1 });
  });
  const change = (batch: Batch<Task>): void => batch.set("a", task);
  await store.batch(change);
  const moved = await store.transaction((tx: Transaction<Task>) => {
    tx.set("a", task) satisfies void;
    tx.patch("a", { title: "new" }) satisfies void;
    tx.patch("a", { title: undefined });
    return tx.get("a")?.owner.name;
  });
  moved satisfies string | undefined;
}

// Queries and indexes know the paths of the type.

type Known = Exclude<FieldPath<Task>, string & {}>;
declare function has<Path extends string>(path: Path): void;
has<"owner.address.geo.lat" & FieldPath<Task>>("owner.address.geo.lat");

async function queries(store: Store<Task>): Promise<Task[]> {
  const options: StoreOptions<Task> = {
    indexes: { title: { unique: true }, "owner.name": {}, "owner.address.city": {}, "title,owner.name": {} },
  };
  await store.open("tasks", options);
  await store.find({ "owner.address.geo.lat": { $gt: 1 }, "steps.by.name": "Ada", "steps.0.done": true });
  const some = await store.findOne(
    { tags: "home" },
    { sort: { "owner.name": -1 }, fields: ["title", "owner.name"] },
  );
  some?.owner?.name satisfies string | undefined;
  // @ts-expect-error -- With `fields` a record lacks the others.
  some satisfies Task | undefined;
  const [first] = await store.find({}, { fields: { steps: 0 } });
  first?.owner?.address?.city satisfies string | undefined;
  const wanted: FindOptions<Task> = { limit: 3 };
  (await store.find({}, wanted)) satisfies Task[];
  const slow = await store.filterAsync(({ title }, id) => title !== id, { signal: undefined });
  return [
    ...slow,
    ...(await store.find({ $or: [{ title: /x/ }, { due: { $lt: new Date() } }] }, { limit: undefined })),
  ];
}

async function earlier(store: Store<Task>): Promise<(Task | undefined)[]> {
  const view: View<Task> = await store.at(new Date());
  for (const [id, { title }] of view) (id satisfies string, title satisfies string);
  for await (const [id, { title }] of view.scan({ prefix: "a", signal: undefined }))
    (id satisfies string, title satisfies string);
  (await view.explain({ "owner.name": "Ada" })).records satisfies number;
  (await view.countWhere({ "owner.name": "Ada" })) satisfies number;
  const found = await view.findOne({ title: "x" }, { sort: { "owner.name": 1 } });
  return [found, ...view.getMany(["a"]), ...view.values()];
}

interface Tree {
  name: string;
  children: Tree[];
  parent?: Tree;
}

async function recursive(store: Store<Tree>): Promise<void> {
  await store.find({ "children.children.name": "x", "parent.parent.name": "y" });
}

// Records of any kind.

async function anyKind(): Promise<void> {
  const lists = new Store<Task[]>();
  await lists.find({ "0.title": "x" });
  const numbers = new Store<number>();
  await numbers.update("n", (n = 0) => n + 1);
  await new Store<string | boolean>().set("a", true);
  const loose = new Store();
  await loose.find({ whatever: 1 }, { sort: { "a.b": 1 } });
  await new Store<any>().find({ x: 1 });
  await new Store<unknown>().set("a", 1);
}

void [asBefore, Logging, Counting, previous, listening, handles, queries, earlier, recursive, anyKind];
export type { Known };
