import test from "ava";
import { Store } from "../index.mjs";
import { openOurs } from "./helpers/stores.mjs";
import { storedEntries } from "./helpers/store-folder.mjs";

test("undo() in a batch while compact() attaches its next log keeps the rest of the batch", async (t) => {
  const { store, folder } = await openOurs(t, { checkpointOnClose: false });
  await store.batch(() => {
    for (let i = 0; i < 2000; i++) store.set(`record ${i}`, { n: i, text: "x".repeat(100) });
  });
  await store.compact();
  for (let round = 0; round < 12; round++) {
    const compacting = store.compact();
    await store.batch(() => {
      for (const id of ["a", "b", "c"]) store.set(id, { round });
    });
    t.true(await store.undo());
    await compacting;
    const reader = await storedEntries(Store, folder, { readOnly: true });
    t.deepEqual(reader.slice(2000), [
      ["a", { round }],
      ["b", { round }],
      ...(round === 0 ? [] : [["c", { round: -1 }]]),
    ]);
    await store.set("c", { round: -1 });
  }
  const live = store.entries();
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), live);
});
