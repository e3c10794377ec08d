/** In a process of its own: lets the parts of the addon panic that no call of JS stands for, and prints what came of it. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import v8 from "node:v8";
import { runInNewContext } from "node:vm";
import { Store } from "../../index.mjs";

const root = process.argv[2];
v8.setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const print = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const codeOf = (promise) =>
  promise.then(
    () => null,
    ({ code }) => code,
  );

/** While something panics, a synced write; then another. Then all of it in a new store, and the process ends by itself. */
async function synced(place, name) {
  const folder = mkdtempSync(join(root, "synced-"));
  const store = new Store();
  await store.open(folder, { durability: "always", checkpointOnClose: false });
  process.env.INJECT_PANIC = `${place}:${name}`;
  const first = codeOf(store.set("first", {}));
  // One that only the next round settles, if no caller was told of this one.
  const code = await first;
  delete process.env.INJECT_PANIC;
  const second = await codeOf(store.set("second", {}));
  await store.close();
  await store.open(folder, { readOnly: true });
  print({ place, name, code, second, found: store.entries().map(([id]) => id) });
  await store.close();
}

/** Stores, backups, cursors and locks that were not closed are collected, and panic in that. */
async function collected() {
  const folder = mkdtempSync(join(root, "collected-"));
  const open = async (where) => {
    const store = new Store();
    await store.open(where, { durability: "always", checkpointOnClose: false });
    await store.set("a", { n: 1 });
    for await (const operation of store.getWalOps()) if (operation.id !== "a") throw new Error("a is there");
    return store;
  };
  for (let n = 0; n < 3; n++) await open(join(folder, `${n}`));
  process.env.INJECT_PANIC = "before:::finalize";
  for (let turn = 0; turn < 20; turn++) {
    collect();
    await setImmediate();
  }
  delete process.env.INJECT_PANIC;
  const store = await open(join(folder, "other"));
  print({ name: "finalize", found: store.entries() });
  await store.close();
}

await synced("before", "Syncs::wake");
await synced("after", "Syncs::wake");
await synced("before", "Syncs::start");
await synced("after", "Syncs::start");
await collected();
print("done");
