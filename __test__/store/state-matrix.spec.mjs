/** Every public method of Store in every state that a store can be in. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { FailingBackend } from "../helpers/failing-backend.mjs";
import {
  calls,
  notOpen,
  stored,
  whenBatching,
  whenInMemory,
  whenNotOpen,
  whenOpen,
  whenReadOnly,
  whenSkipLoad,
} from "../helpers/store-calls.mjs";
import { reopened, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

async function preparedFolder(t) {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, (store) => store.set(...stored), { checkpointOnClose: true });
  await reopened(Store, folder, (store) => store.set("logged", { n: 2 }));
  return folder;
}

async function openStore(t, options) {
  const store = new Store();
  await store.open(await preparedFolder(t), { checkpointOnClose: false, ...options });
  return store;
}

/** Makes the call and says what came of it, without judging. */
function outcomeOf(call, store) {
  let value;
  try {
    value = call(store);
  } catch (error) {
    return { kind: "throws", error };
  }
  return typeof value?.then === "function" ? { kind: "promise", value } : { kind: "gives", value };
}

async function assertOutcome(t, outcome, expected) {
  if (expected.kind === "gives" || expected.kind === "throws") {
    t.is(outcome.kind, expected.kind, outcome.error?.stack);
    if (expected.kind === "throws") t.like(outcome.error, expected.error);
    else t.deepEqual(outcome.value, expected.value);
    return;
  }
  t.is(outcome.kind, "promise", outcome.error?.stack);
  if (expected.kind === "rejects") t.like(await t.throwsAsync(outcome.value), expected.error);
  else t.deepEqual(await outcome.value, expected.value);
}

const states = {
  "an unopened store": { expected: whenNotOpen, prepare: () => new Store() },
  "an open store": { expected: whenOpen, prepare: (t) => openStore(t), close: true },
  "a read-only store": {
    expected: whenReadOnly,
    prepare: (t) => openStore(t, { readOnly: true }),
    close: true,
  },
  "a store with skipLoad": {
    expected: whenSkipLoad,
    prepare: (t) => openStore(t, { skipLoad: true }),
    close: true,
  },
  "a store in memory": {
    expected: whenInMemory,
    prepare: async () => {
      const store = new Store();
      await store.open(":memory:", { checkpointThreshold: Infinity });
      await store.set(...stored);
      await store.compact();
      await store.set("logged", { n: 2 });
      return store;
    },
    close: true,
  },
  "a store that failed to open": {
    expected: whenNotOpen,
    prepare: async (t) => {
      const store = new Store();
      await t.throwsAsync(store.open(await temporaryFolder(t), { readOnly: true }), {
        message: "Cannot open in readOnly mode: no existing store found",
      });
      return store;
    },
  },
  "a store that failed to close": {
    expected: whenNotOpen,
    prepare: async (t) => {
      const backend = new FailingBackend();
      const store = await openStore(t, { backend });
      backend.failNext("shutdown");
      await t.throwsAsync(store.close(), { message: /no space left/ });
      return store;
    },
  },
  "a closed store": {
    expected: whenNotOpen,
    prepare: async (t) => {
      const store = await openStore(t);
      await store.close();
      return store;
    },
  },
};

test("the tables name every public method", (t) => {
  const own = Object.getOwnPropertyNames(Store.prototype).filter((name) => !name.startsWith("_"));
  const covered = new Set(Object.keys(calls).map((name) => name.slice(0, name.indexOf("("))));
  const elsewhere = new Set(["constructor", "open", "close", "recovery", "position"]);
  t.deepEqual(
    own.filter((name) => !covered.has(name) && !elsewhere.has(name)),
    [],
  );
});

for (const [state, { expected, prepare, close }] of Object.entries(states)) {
  for (const [method, call] of Object.entries(calls)) {
    const { kind, error } = expected[method];
    test(`${method} on ${state} ${kind}${error ? ` ${error.code ?? "an error"}` : ""}`, async (t) => {
      const store = await prepare(t);
      await assertOutcome(t, outcomeOf(call, store), expected[method]);
      if (close) await store.close();
    });
  }
}

for (const [method, call] of Object.entries(calls)) {
  test(`${method} on a store that is opening ${whenNotOpen[method].kind} and open() succeeds`, async (t) => {
    const folder = await preparedFolder(t);
    const store = new Store();
    const opening = store.open(folder, { checkpointOnClose: false });
    const outcome = outcomeOf(call, store);
    await assertOutcome(t, outcome, whenNotOpen[method]);
    await opening;
    t.is(store.count(), 2);
    await store.close();
  });

  test(`${method} inside batch() ${whenBatching[method].kind}`, async (t) => {
    const store = await openStore(t);
    let outcome;
    await store.batch(() => (outcome = outcomeOf(call, store)) && undefined);
    await assertOutcome(t, outcome, whenBatching[method]);
    await store.close();
  });
}

for (const [state, { prepare, close }] of Object.entries(states)) {
  test(`close() and Symbol.asyncDispose on ${state}`, async (t) => {
    const store = await prepare(t);
    if (close) await store.close();
    await t.throwsAsync(store.close(), notOpen);
    await t.notThrowsAsync(store[Symbol.asyncDispose]());
  });

  test(`open() after ${state}, starts clean on any folder`, async (t) => {
    const store = await prepare(t);
    if (close) await store.close();
    const folder = await temporaryFolder(t);
    await store.open(folder);
    t.deepEqual(store.entries(), []);
    await store.set("a", { n: 1 });
    await store.close();
    await t.throwsAsync(access(join(folder, ".lock")), { code: "ENOENT" });
    t.deepEqual(await storedEntries(Store, folder), [["a", { n: 1 }]]);
  });
}

for (const opening of [true, false]) {
  test(`open() on a store that is ${opening ? "opening" : "open"} rejects and leaves it usable`, async (t) => {
    const folder = await preparedFolder(t);
    const store = new Store();
    const pending = store.open(folder);
    if (!opening) await pending;
    const error = await t.throwsAsync(store.open(await temporaryFolder(t)));
    t.regex(error.code, /^OPSLOG_/);
    await pending;
    t.deepEqual(store.get("stored"), { n: 1 });
    await store.set("a", { n: 1 });
    await store.close();
    t.is((await storedEntries(Store, folder)).length, 3);
  });
}

everywhere("Symbol.asyncDispose on an open store closes it", async (t) => {
  const store = await openStore(t);
  await store[Symbol.asyncDispose]();
  t.throws(() => store.count(), notOpen);
});

test("close(), the checkpoint fails, rejects and releases the lock; the store opens again with every record", async (t) => {
  const folder = await temporaryFolder(t);
  const backend = new FailingBackend();
  const store = new Store();
  await store.open(folder, { backend });
  await store.set("a", { n: 1 });
  backend.failNext("writeSnapshot");
  await t.throwsAsync(store.close(), { message: /no space left/ });
  await t.throwsAsync(access(join(folder, ".lock")), { code: "ENOENT" });
  t.throws(() => store.count(), notOpen);
  await store.open(folder);
  t.deepEqual(store.entries(), [["a", { n: 1 }]]);
  await store.close();
});
