/** revert() beside a unique index, and the order in which it brings records back. */
import test from "ava";
import { Store } from "../../index.mjs";
import { generator } from "../helpers/failing-schedules.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const indexes = { email: { unique: true } };
const carriers = {
  "a single writer": async (t) => [await temporaryFolder(t), {}],
  "an agent": async (t) => [await temporaryFolder(t), { agentId: "one" }],
};

async function opened(t, carrier, options = { indexes }) {
  const [folder, more] = await carriers[carrier](t);
  const store = new Store();
  await store.open(folder, { ...options, ...more });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

const state = (store) => Object.fromEntries(store.entries());

const histories = {
  "a value went to another record, and its owner was changed last": async (store) => {
    await store.patch("ada", { email: "y" });
    await store.patch("bob", { email: "x" });
    await store.patch("ada", { city: "Rome" });
  },
  "two records have exchanged their values": (store) =>
    store.transaction((tx) => {
      tx.patch("ada", { email: "-" });
      tx.patch("bob", { email: "x" });
      tx.patch("ada", { email: "b" });
    }),
  "three records have exchanged their values": (store) =>
    store.transaction((tx) => {
      tx.patch("ada", { email: "-" });
      tx.patch("bob", { email: "x" });
      tx.patch("eve", { email: "b" });
      tx.patch("ada", { email: "e" });
    }),
  "a record was deleted, and a new one has its value": async (store) => {
    await store.delete("ada");
    await store.insert("new", { email: "x" });
    await store.insert("ada", { email: "z" });
  },
  "everything was cleared and imported under other ids": async (store) => {
    await store.clear();
    for (const email of ["x", "b", "e"]) await store.insert(`id-${email}`, { email });
  },
};

for (const carrier of Object.keys(carriers)) {
  for (const [what, happen] of Object.entries(histories))
    test(`revert() of ${carrier} with a unique index, ${what}, brings all records back`, async (t) => {
      const store = await opened(t, carrier);
      for (const [id, email] of Object.entries({ ada: "x", bob: "b", eve: "e" }))
        await store.insert(id, { email });
      const [before, { position }] = [state(store), store];
      await happen(store);
      t.true((await store.revert({ to: position })) > 0);
      t.deepEqual(state(store), before);
      for (const [id, { email }] of Object.entries(before)) t.deepEqual(await store.findIds({ email }), [id]);
      const log = store.getOps().length;
      t.is(await store.revert({ to: position }), 0);
      t.is(store.getOps().length, log);
    });

  test(`revert() of ${carrier} with ids, a record that it leaves alone has the value, rejects and changes nothing`, async (t) => {
    const store = await opened(t, carrier);
    await store.insert("ada", { email: "x" });
    const { position } = store;
    await store.patch("ada", { email: "y" });
    await store.insert("bob", { email: "x" });
    const before = state(store);
    await t.throwsAsync(store.revert({ to: position, ids: ["ada"] }), { code: "OPSLOG_NOT_UNIQUE" });
    t.deepEqual(state(store), before);
  });

  test(`revert() of ${carrier} with a unique index, values went round at random, brings all records back`, async (t) => {
    const random = generator(7);
    const pick = (n) => Math.floor(random() * n);
    for (let round = 0; round < 15; round++) {
      const store = await opened(t, carrier);
      const places = [];
      for (let step = 0; step < 40; step++) {
        const [id, email] = [`id-${pick(6)}`, `e-${pick(7)}`];
        // NOTE: a plain set() of an agent is not checked.
        const change = pick(5) === 0 ? (tx) => tx.delete(id) : (tx) => tx.set(id, { email, step });
        await store.transaction(change).catch(() => {});
        places.push([store.position, state(store)]);
      }
      for (let look = 0; look < 6; look++) {
        const [position, expected] = places[pick(places.length)];
        await store.revert({ to: position });
        t.deepEqual(state(store), expected, `round ${round}`);
      }
    }
  });

  test(`revert() of ${carrier} brings deleted records back in the order in which at() shows them`, async (t) => {
    const store = await opened(t, carrier, {});
    for (let n = 0; n < 6; n++) await store.set(`k${n}`, { n });
    const { position } = store;
    for (const n of [1, 4, 3]) await store.delete(`k${n}`);
    const view = await store.at(position);
    const order = view.entries().map(([id]) => id);
    view.close();
    await store.revert({ to: position });
    t.deepEqual([...store.keys()], order);
    await store.clear();
    await store.revert({ to: position });
    t.deepEqual(state(store), Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`k${n}`, { n }])));
  });

  test(`revert() of ${carrier} with a unique index, a deleted record waits for its value, brings deleted records back in the order of at()`, async (t) => {
    const store = await opened(t, carrier);
    for (const [id, email] of Object.entries({ ada: "x", bob: "b", eve: "e" }))
      await store.insert(id, { email });
    const { position } = store;
    await store.transaction((tx) => {
      tx.delete("ada");
      tx.delete("bob");
      tx.patch("eve", { email: "x" });
    });
    const view = await store.at(position);
    const entries = view.entries();
    view.close();
    await store.revert({ to: position });
    t.deepEqual(store.entries(), entries);
  });
}
