// A task list: what most programs do with a store.

import { Store } from "@backloghq/opslog";
import { withFolder } from "../folder.mjs";

/** Tasks in a folder. What is asked of them is asked of the store: it has all of them at hand. */
class TaskList {
  #store = new Store();

  async open(folder) {
    await this.#store.open(folder);
  }

  async close() {
    await this.#store.close();
  }

  async add(id, title, tags = []) {
    if (this.#store.has(id)) throw new Error(`there is a task ${id} already`);
    await this.#store.set(id, { title, tags, done: false });
  }

  async finish(id) {
    // Records are shared with the store: a change is a new object.
    await this.#store.set(id, { ...this.#store.get(id), done: true });
  }

  /** All of them or, if anything fails, none: one write, also across a crash. */
  async finishAll(tag) {
    const ids = this.#store
      .entries()
      .filter(([, task]) => task.tags.includes(tag))
      .map(([id]) => id);
    await this.#store.batch(() => {
      for (const id of ids) this.#store.set(id, { ...this.#store.get(id), done: true });
    });
    return ids.length;
  }

  undo() {
    return this.#store.undo();
  }

  pending() {
    return this.#store.filter((task) => !task.done).map(({ title }) => title);
  }

  count() {
    return this.#store.count();
  }
}

await withFolder(async (folder) => {
  const tasks = new TaskList();
  await tasks.open(folder);
  await tasks.add("bread", "Buy bread", ["shop"]);
  await tasks.add("milk", "Buy milk", ["shop"]);
  await tasks.add("post", "Fetch the parcel");
  console.log("to do:", tasks.pending().join(", "));

  await tasks.finish("post");
  console.log("after the post office:", tasks.pending().join(", "));

  console.log("undone:", await tasks.undo());
  console.log("so still to do:", tasks.pending().join(", "));

  console.log("bought:", await tasks.finishAll("shop"));
  await tasks.close();

  await tasks.open(folder);
  console.log(`after a restart: ${tasks.count()} tasks, to do: ${tasks.pending().join(", ")}`);
  await tasks.close();
});
