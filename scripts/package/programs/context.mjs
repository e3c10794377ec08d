// A program that finds its own context again behind every call of a store: AsyncLocalStorage, three contexts at once.

import { AsyncLocalStorage } from "node:async_hooks";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Store } from "@backloghq/opslog";

const context = new AsyncLocalStorage();

async function life(own) {
  const expect = (what) => {
    if (context.getStore() !== own) throw new Error(`another context behind ${what}`);
  };
  const folder = mkdtempSync(path.join(tmpdir(), "opslog-context-"));
  const store = new Store();
  await store.open(folder);
  expect("open()");
  for (let n = 0; n < 20; n++) await store.set(`id-${n}`, { n });
  expect("set()");
  await store.batch(() => {
    expect("the beginning of a batch");
    store.delete("id-0");
  });
  expect("batch()");
  await store.undo();
  expect("undo()");
  await store.compact();
  expect("compact()");
  for await (const { type } of store.changes()) expect(`a change of type ${type}`);
  await store.find({ n: 3 });
  expect("find()");
  await store.close();
  expect("close()");
  rmSync(folder, { recursive: true });
}

await Promise.all([1, 2, 3].map((own) => context.run({ own }, () => life(context.getStore()))));
console.log("works");
