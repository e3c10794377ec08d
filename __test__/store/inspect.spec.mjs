/** What console.log(), util.inspect() and the REPL show of a store. */
import { rm } from "node:fs/promises";
import { inspect } from "node:util";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const shown = (store) => inspect(store, { breakLength: Infinity });

test("inspect() of a store shows folder, state and counts, before, while and after it is open", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  t.is(shown(store), "Store { state: 'closed' }");
  const opening = store.open(folder);
  t.is(shown(store), "Store { state: 'opening' }");
  await opening;
  await store.set("a", 1);
  await store.set("b", 1);
  await store.delete("a");
  t.is(shown(store), `Store { folder: ${inspect(folder)}, state: 'open', records: 1, operations: 3 }`);
  await store.batch(() => {
    store.set("c", 1);
    t.is(shown(store), `Store { folder: ${inspect(folder)}, state: 'open', records: 2, operations: 4 }`);
  });
  const closing = store.close();
  t.regex(shown(store), /state: 'closing'/);
  await closing;
  t.is(shown(store), "Store { state: 'closed' }");
});

test("inspect() of an agent, a reader, a store with skipLoad and one behind a backend tells what they are", async (t) => {
  const folder = await temporaryFolder(t);
  const backends = [undefined, new (class extends FsBackend {})(), memoryBackend(memoryBucket())];
  for (const backend of backends) {
    for (const [options, told] of [
      [{ agentId: "one" }, "agentId: 'one'"],
      [{ readOnly: true }, "readOnly: true"],
    ]) {
      const store = new Store();
      await store.open(folder, { ...options, backend });
      t.true(shown(store).includes(told), shown(store));
      t.true(shown(store).includes(inspect(folder)));
      await store.close();
    }
  }
  const store = new Store();
  await store.open(await temporaryFolder(t), { skipLoad: true });
  t.regex(shown(store), /skipLoad: true/);
  await store.close();
});

everywhere("inspect() never fails, and keeps to depth and name", async (t) => {
  class Notes extends Store {}
  t.is(shown(new Notes()), "Notes { state: 'closed' }");
  t.is(inspect({ a: { b: new Store() } }, { depth: 1 }), "{ a: { b: [Store] } }");
  t.notThrows(() => inspect(Store.prototype));
  t.notThrows(() => inspect(Object.create(Store.prototype)));
  t.is(String(new Store()), "[object Object]");
  t.is(JSON.stringify(new Store()), "{}");
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false });
  await store.set("a", 1);
  // Windows deletes no folder in which a file is open.
  if (process.platform !== "win32") await rm(folder, { recursive: true });
  t.regex(shown(store), /records: 1/);
  await store.close().catch(() => {});
});
