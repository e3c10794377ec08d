import test from "ava";
import { Store } from "../../index.mjs";
import { storedEntries, temporaryFolder, walOperations } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };
const modes = ["immediate", "group", "async"];

async function microtasks(count) {
  for (let n = 0; n < count; n++) await null;
}

const besideBatch = {
  "set()": {
    write: (store) => store.set("beside", { n: 1 }),
    expected: ["kept", "removed", "batched", "beside"],
  },
  "delete()": { write: (store) => store.delete("removed"), expected: ["kept", "batched"] },
};

for (const [method, { write, expected }] of Object.entries(besideBatch)) {
  for (const delay of [0, 1, 2, 3, 5, 8]) {
    test(`${method} beside a pending batch, ${delay} microtasks after its call, reaches the log`, async (t) => {
      const folder = await temporaryFolder(t);
      const store = new Store();
      await store.open(folder, manual);
      await store.set("kept", { n: 0 });
      await store.set("removed", { n: 0 });
      const batch = store.batch(() => store.set("batched", { n: 1 }));
      await microtasks(delay);
      const beside = write(store);
      t.is(typeof beside?.then, "function");
      await Promise.all([batch, beside]);
      t.deepEqual(
        store.entries().map(([id]) => id),
        expected,
      );
      await store.close();
      t.deepEqual(
        (await storedEntries(Store, folder)).map(([id]) => id),
        expected,
      );
    });
  }
}

for (const writeMode of modes) {
  test(`close() in ${writeMode} mode, writes were called but not awaited, waits for all of them`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, { ...manual, writeMode, groupCommitMs: 60_000 });
    const pending = [];
    for (let n = 0; n < 30; n++) pending.push(store.set(`set-${n}`, { n }));
    pending.push(store.batch(() => store.set("batched", { n: 1 })));
    pending.push(store.delete("set-0"));
    pending.push(store.set("after", { n: 2 }));
    pending.push(store.undo());
    const settled = Promise.allSettled(pending);
    await store.close();
    const outcomes = await settled;
    t.deepEqual(
      outcomes.filter((outcome) => outcome.status === "rejected"),
      [],
    );
    t.true(outcomes.at(-1).value);
    const ids = (await storedEntries(Store, folder)).map(([id]) => id);
    const expected = Array.from({ length: 29 }, (_, n) => `set-${n + 1}`);
    t.deepEqual(ids, [...expected, "batched"]);
  });
}

for (const method of ["flush", "sync"]) {
  for (const writeMode of ["group", "async"]) {
    test(`${method}() in ${writeMode} mode, writes were called but not awaited, puts them all on disk`, async (t) => {
      const folder = await temporaryFolder(t);
      const store = new Store();
      await store.open(folder, { ...manual, writeMode, groupCommitMs: 60_000, groupCommitSize: 1000 });
      const pending = [store.set("a", { n: 1 }), store.set("b", { n: 2 })];
      pending.push(store.batch(() => store.set("c", { n: 3 })));
      pending.push(store.set("d", { n: 4 }));
      await store[method]();
      t.deepEqual(
        (await walOperations(folder)).map((operation) => operation.id),
        ["a", "b", "c", "d"],
      );
      await Promise.all(pending);
      await store.close();
    });
  }
}

test("set() and flush() in immediate mode, neither awaited, are both done when flush() is", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  const pending = store.batch(() => store.set("a", { n: 1 }));
  const after = store.set("b", { n: 2 });
  await store.flush();
  t.deepEqual(
    (await walOperations(folder)).map((operation) => operation.id),
    ["a", "b"],
  );
  await Promise.all([pending, after]);
  await store.close();
});

everywhere("set(), called many times without waiting, becomes visible all at once", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  const pending = Array.from({ length: 50 }, (_, n) => store.set(`id-${n}`, { n }));
  const seen = new Set();
  for (let n = 0; n < 200; n++) {
    seen.add(store.count());
    await null;
  }
  t.true(
    [...seen].every((count) => count === 0 || count === 50),
    String([...seen]),
  );
  t.is(store.count(), 50);
  await Promise.all(pending);
  await store.close();
});

test("mutations of every kind, called without waiting, take effect in the order of their calls", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  const outcomes = await Promise.all([
    store.set("a", { n: 1 }),
    store.batch(() => store.set("b", { n: 1 })),
    store.undo(),
    store.set("c", { n: 1 }),
    store.archive((record, id) => id === "a", "first"),
    store.set("d", { n: 1 }),
    store.compact(),
    store.undo(),
    store.delete("c"),
  ]);
  t.deepEqual([outcomes[2], outcomes[4], outcomes[7]], [true, 1, false]);
  t.deepEqual(store.entries(), [["d", { n: 1 }]]);
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), [["d", { n: 1 }]]);
});
