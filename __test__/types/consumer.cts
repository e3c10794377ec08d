// A CommonJS consumer without the newest `lib`, as many are: the types must compile there too.

import opslog = require("@backloghq/opslog");

interface Todo {
  title: string;
}

async function use(): Promise<number> {
  const store = new opslog.Store<Todo>();
  await store.open("todos", {
    writeMode: "group",
    groupCommitMs: 10,
    checkpointThreshold: undefined,
    migrate: (record, fromVersion) => ({ ...(record as Todo), fromVersion }),
  });
  await store.set("1", { title: "write types" });
  const todo: Todo | undefined = store.get("1");
  const titles: string[] = store
    .filter((value, id) => id !== "" && value.title !== "")
    .map(({ title }) => title);
  await store.batch(() => {
    store.set("2", { title: "check them" });
    store.delete("1");
  });
  await store.close();
  return titles.length + (todo === undefined ? 0 : 1);
}

async function lock(): Promise<void> {
  const handle = await opslog.acquireLock("todos");
  await handle.stat();
  await opslog.releaseLock("todos", handle);
}

void use;
void lock;
