import { FsBackend, Store, type Operation, type StorageBackend, type StoreOptions } from "@backloghq/opslog";

export interface Task {
  title: string;
  due?: string;
}

export const options: StoreOptions = { checkpointThreshold: 10, agentId: undefined };
export const store: Store<Task> = new Store<Task>();

export class Tasks extends Store<Task> {
  first(): Task | undefined {
    return this.all()[0];
  }
}

export class Counted extends FsBackend {
  appends: number = 0;

  override async appendOps(path: string, operations: Operation[]): Promise<void> {
    this.appends += operations.length;
    await super.appendOps(path, operations);
  }
}

export const backend: StorageBackend = new Counted();

export async function titles(options?: Parameters<typeof store.streamSnapshot>[0]): Promise<string[]> {
  const found: string[] = [];
  for await (const [, task] of store.streamSnapshot(options)) found.push(task.title);
  return found;
}

export async function blob(name: string): Promise<number> {
  return (await backend.readBlob(name)).length;
}
