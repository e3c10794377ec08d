import { FsBackend, LamportClock, Store, type Operation, type StoreOptions } from "@backloghq/opslog";

interface Task {
  title: string;
}

async function main(folder: string): Promise<string> {
  const options: StoreOptions = { checkpointThreshold: 10, backend: new FsBackend() };
  const store = new Store<Task>();
  await store.open(folder, options);
  await store.set("a", { title: "first" });
  // @ts-expect-error: a task has no such field.
  const wrong: string | undefined = store.get("a")?.name;
  const operations: Operation<Task>[] = store.getOps();
  const title: string | undefined = store.get("a")?.title;
  await store.close();
  const tick: number = new LamportClock().tick();
  return title === "first" && operations.length === 1 && tick === 1 && wrong === undefined
    ? "works"
    : "does not work";
}

void main(process.argv[2]).then((said) => console.log(said));
