import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { FailingBackend } from "../helpers/failing-backend.mjs";
import {
  appendToWal,
  reopened,
  storedEntries,
  temporaryFolder,
  walOperations,
} from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };
const many = 200_000;

for (const writeMode of ["group", "async"]) {
  test(`batch() in ${writeMode} mode, an earlier set() is still buffered, is logged after it`, async (t) => {
    const folder = await temporaryFolder(t);
    const store = new Store();
    await store.open(folder, { ...manual, writeMode, groupCommitMs: 60_000 });
    await store.set("a", { n: 1 });
    await store.batch(() => store.set("a", { n: 2 }));
    await store.set("b", { n: 3 });
    await store.flush();
    await store.close();
    t.deepEqual(
      (await walOperations(folder)).map((operation) => operation.data.n),
      [1, 2, 3],
    );
    t.deepEqual(await storedEntries(Store, folder), [
      ["a", { n: 2 }],
      ["b", { n: 3 }],
    ]);
  });
}

for (const [title, options] of [
  ["of a folder", {}],
  ["of an agent", { agentId: "one" }],
  ["in group mode", { writeMode: "group" }],
  ["with a backend", { backend: new FailingBackend() }],
]) {
  for (const method of ["batch", "transaction"]) {
    if (options.backend !== undefined && method === "transaction") continue;
    test(`${method}() ${title}, its function takes time, all operations have the time at which it began`, async (t) => {
      const store = new Store();
      await store.open(await temporaryFolder(t), { ...manual, ...options });
      let began;
      await store[method]((changes) => {
        began = Date.now();
        for (const id of ["a", "b", "c"]) {
          const until = Date.now() + 3;
          changes.set(id, { id });
          while (Date.now() < until);
        }
        changes.delete("a");
      });
      const times = store.getOps().map(({ ts }) => ts);
      t.deepEqual(times, Array(4).fill(times[0]));
      t.true(Date.parse(times[0]) <= began);
      t.is((await store.at(times[0])).count(), 2);
      t.is((await store.at(new Date(Date.parse(times[0]) - 1))).count(), 0);
      await store.close();
    });
  }
}

test.serial("batch(), the clock has no time, rejects, and the next set() is none of a batch", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  const now = Date.now;
  Date.now = () => NaN;
  const batched = store.batch(() => t.fail("the function runs"));
  await t.throwsAsync(
    batched.finally(() => (Date.now = now)),
    { instanceOf: RangeError },
  );
  await store.set("a", { n: 1 });
  t.is(await store.batch(() => {}), undefined);
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
});

test("batch(), the checkpoint that it sets off fails, resolves and stays applied", async (t) => {
  const folder = await temporaryFolder(t);
  const backend = new FailingBackend();
  const store = new Store();
  await store.open(folder, { backend, checkpointThreshold: 2, checkpointOnClose: false });
  backend.failNext("writeSnapshot");
  await store.batch(() => {
    for (const id of ["a", "b", "c"]) store.set(id, { id });
  });
  t.is(store.count(), 3);
  await store.close();
  t.is((await storedEntries(Store, folder)).length, 3);
});

for (const method of ["writeSnapshot", "writeManifest"]) {
  test(`archive(), ${method} fails, rejects and changes nothing`, async (t) => {
    const folder = await temporaryFolder(t);
    const backend = new FailingBackend();
    const store = new Store();
    await store.open(folder, { ...manual, backend });
    await store.set("a", { old: true });
    await store.set("b", { old: false });
    backend.failNext(method);
    await t.throwsAsync(
      store.archive((record) => record.old, "2024-Q1"),
      { message: /no space left/ },
    );
    t.deepEqual(store.get("a"), { old: true });
    t.deepEqual(store.listArchiveSegments(), []);
    t.is(store.stats().activeRecords, 2);
    await store.close();
    t.is((await storedEntries(Store, folder)).length, 2);
  });
}

test("refresh() of an agent, reading a log fails, keeps every record", async (t) => {
  const folder = await temporaryFolder(t);
  const backend = new FailingBackend();
  const store = new Store();
  await store.open(folder, { ...manual, backend, agentId: "writer" });
  await store.set("a", { n: 1 });
  backend.failNext("readOps");
  await t.throwsAsync(store.refresh(), { message: /no space left/ });
  t.deepEqual(store.entries(), [["a", { n: 1 }]]);
  t.is(store.getOps().length, 1);
  await store.refresh();
  t.deepEqual(store.entries(), [["a", { n: 1 }]]);
  await store.close();
});

test("batch(), 200,000 operations, is applied and survives", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  await store.batch(() => {
    for (let n = 0; n < many; n++) store.set(`id-${n}`, { n });
  });
  t.is(store.count(), many);
  t.is(store.getOps().length, many);
  await store.close();
  await reopened(Store, folder, (again) => {
    t.is(again.count(), many);
    t.deepEqual(again.get(`id-${many - 1}`), { n: many - 1 });
  });
});

function operationLines(count, extra = () => ({})) {
  const ts = "2024-01-01T00:00:00.000Z";
  return Array.from({ length: count }, (_, n) =>
    JSON.stringify({ ts, op: "set", id: `id-${n}`, prev: null, data: { n }, ...extra(n) }),
  ).map((line) => `${line}\n`);
}

test("tail(), 200,000 operations are new, returns them all", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, () => {});
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  await appendToWal(folder, operationLines(many).join(""));
  t.is((await reader.tail()).length, many);
  t.is(reader.count(), many);
  await reader.close();
});

test("open() of an agent, its log holds 200,000 operations, loads them all", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, () => {}, { agentId: "one" });
  const numbered = (n) => ({ agent: "one", clock: n + 1 });
  await appendToWal(folder, operationLines(many, numbered).join(""));
  await reopened(Store, folder, (store) => t.is(store.count(), many), { ...manual, agentId: "one" });
});

test("batch(), the function is async, rejects and applies nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  const never = new Promise(() => {});
  await t.throwsAsync(
    store.batch(async () => {
      store.set("half", { n: 1 });
      await never;
    }),
    { code: "OPSLOG_INVALID_ARGUMENT" },
  );
  t.deepEqual(store.entries(), []);
  t.deepEqual(await walOperations(folder), []);
  await store.set("next", { n: 2 });
  await store.close();
  t.deepEqual(await storedEntries(Store, folder), [["next", { n: 2 }]]);
});

class Driven extends FsBackend {}

for (const backend of [undefined, new Driven()]) {
  test(`the handle of a batch changes records as the store does, ${backend ? "through a backend" : "in a folder"}, and nothing once it is over`, async (t) => {
    const { store } = await openOurs(t, { backend });
    let kept;
    await store.batch((batch) => {
      kept = batch;
      t.is(batch.set("a", { n: 1 }), undefined);
      t.deepEqual(store.get("a"), { n: 1 });
      batch.set("b", { n: 2 });
      t.is(batch.delete("a"), undefined);
      t.throws(() => batch.delete("a"), { code: "OPSLOG_NOT_FOUND" });
    });
    t.deepEqual(store.entries(), [["b", { n: 2 }]]);
    t.throws(() => kept.set("c", { n: 3 }), {
      code: "OPSLOG_INVALID_ARGUMENT",
      message: /the batch is over/,
    });
    await store.batch(() => t.throws(() => kept.delete("b"), { message: /the batch is over/ }));
    t.deepEqual(store.entries(), [["b", { n: 2 }]]);
  });
}
