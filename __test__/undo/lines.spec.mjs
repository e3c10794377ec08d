import test from "ava";
import { Store } from "../../index.mjs";
import { FailingBackend } from "../helpers/failing-backend.mjs";
import {
  appendToWal,
  reopened,
  storedEntries,
  temporaryFolder,
  walOperations,
} from "../helpers/store-folder.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };

for (const writeMode of ["group", "async"]) {
  test(`undo() in ${writeMode} mode, the last operation is still buffered, leaves the earlier ones on disk`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, { ...manual, writeMode, groupCommitMs: 60_000 });
    await store.set("kept", { n: 1 });
    await store.flush();
    await store.set("undone", { n: 2 });
    t.true(await store.undo());
    t.false(store.has("undone"));
    await store.flush();
    t.deepEqual(
      (await walOperations(folder)).map((operation) => operation.id),
      ["kept"],
    );
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), [["kept", { n: 1 }]]);
  });
}

test("undo(), the last line holds text that is not ASCII, cuts this line and no other", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  await store.set("first", { text: "plain" });
  await store.set("second", { text: "ä€😀".repeat(700) });
  await store.set("third", { text: "ä€😀".repeat(700) });
  t.true(await store.undo());
  await store.close();
  t.deepEqual(
    (await walOperations(folder)).map((operation) => operation.id),
    ["first", "second"],
  );
  t.deepEqual(
    (await storedEntries(Store, folder)).map(([id]) => id),
    ["first", "second"],
  );
});

for (const size of [4096, 8192]) {
  test(`undo(), the last line is exactly ${size} bytes long, removes one operation`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, manual);
    await store.set("first", { text: "short" });
    // What follows a cut says so in its line: the line is measured behind one, too.
    await store.set("cut", { n: 1 });
    t.true(await store.undo());
    await store.set("second", { text: "" });
    const lineLength = JSON.stringify((await walOperations(folder)).at(-1)).length + 1;
    t.true(await store.undo());
    await store.set("second", { text: "x".repeat(size - lineLength) });
    t.is(JSON.stringify((await walOperations(folder)).at(-1)).length + 1, size);
    t.true(await store.undo());
    await store.close();
    t.deepEqual(await storedEntries(Store, folder), [["first", { text: "short" }]]);
  });
}

test("undo(), the file ends in a torn line, removes the last complete operation", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, async (store) => {
    await store.set("first", { n: 1 });
    await store.set("second", { n: 2 });
  });
  await appendToWal(folder, '{"ts":"2024-01-01T00:00:00.000Z","op":"set","id":"to');
  await reopened(Store, folder, async (store) => {
    t.true(await store.undo());
    t.deepEqual(store.entries(), [["first", { n: 1 }]]);
  });
  t.deepEqual(await storedEntries(Store, folder), [["first", { n: 1 }]]);
});

test("undo(), cutting the file fails, rejects and changes nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const backend = new FailingBackend();
  const store = new Store();
  await store.open(folder, { ...manual, backend });
  await store.set("first", { n: 1 });
  await store.set("second", { n: 2 });
  backend.failNext("truncateLastOp");
  await t.throwsAsync(store.undo(), { message: /no space left/ });
  t.deepEqual(store.get("second"), { n: 2 });
  t.is(store.getOps().length, 2);
  t.true(await store.undo());
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), [["first", { n: 1 }]]);
});

test("undo() after a restart, a field was undefined before the update, removes the field again", async (t) => {
  const folder = await temporaryFolder(t);
  const text = "x".repeat(200);
  await reopened(Store, folder, async (store) => {
    await store.set("a", { text, field: undefined });
    await store.set("a", { text, field: 1 });
  });
  await reopened(Store, folder, async (store) => {
    t.true(await store.undo());
    t.deepEqual(store.get("a"), { text });
  });
});

for (const name of ["constructor", "toString", "__proto__"]) {
  const without = JSON.stringify({ text: "x".repeat(200), n: 1 });
  const having = `{"text":"${"x".repeat(200)}","n":2,"${name}":{"own":true}}`;
  const directions = [
    ["added", without, having],
    ["removed", having, without],
  ];
  for (const [change, before, after] of directions) {
    test(`undo(), the update ${change} a field named ${name}, restores the record, also after a restart`, async (t) => {
      const folder = await temporaryFolder(t);
      const fields = (record) => Object.entries(record).sort();
      const store = new Store();
      await store.open(folder, manual);
      await store.set("live", JSON.parse(before));
      await store.set("live", JSON.parse(after));
      t.true(await store.undo());
      t.deepEqual(fields(store.get("live")), fields(JSON.parse(before)));
      await store.set("live", JSON.parse(after));
      await store.close();
      await reopened(Store, folder, async (again) => {
        t.true(await again.undo());
        t.deepEqual(fields(again.get("live")), fields(JSON.parse(before)));
      });
    });
  }
}

test("undo() after a restart, the update was made under skipLoad, restores the stored record", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, (store) => store.set("a", { n: 1 }), { checkpointOnClose: true });
  await reopened(Store, folder, (store) => store.set("a", { n: 2 }), { skipLoad: true });
  await reopened(Store, folder, async (store) => {
    t.deepEqual(store.get("a"), { n: 2 });
    t.true(await store.undo());
    t.deepEqual(store.get("a"), { n: 1 });
  });
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
});

test("undo() under skipLoad, an update of a stored record, takes back what this session wrote", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, (store) => store.set("a", { n: 1 }), { checkpointOnClose: true });
  await reopened(
    Store,
    folder,
    async (store) => {
      await store.set("a", { n: 2 });
      await store.set("a", { n: 3 });
      t.true(await store.undo());
      t.deepEqual(store.get("a"), { n: 2 });
    },
    { skipLoad: true },
  );
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 2 }]]);
});
