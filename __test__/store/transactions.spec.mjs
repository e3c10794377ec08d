/** transaction() and what is made of it: all or nothing, alone, and what is refused. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { AsyncLocalStorage } from "node:async_hooks";
import test from "ava";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { calls as storeCalls } from "../helpers/store-calls.mjs";
import { openOurs } from "../helpers/stores.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const counter = fileURLToPath(new URL("../helpers/counting-agent.mjs", import.meta.url));

const carriers = {
  "a folder": () => ({}),
  "a folder in group mode": () => ({ writeMode: "group" }),
  ":memory:": () => ({ folder: ":memory:" }),
  "a folder that syncs": () => ({ durability: "always" }),
  "an agent": () => ({ agentId: "one" }),
  "a backend": () => ({ backend: memoryBackend(memoryBucket()) }),
};

for (const [carrier, options] of Object.entries(carriers)) {
  test(`transaction() in ${carrier}, reads its own changes and returns what its function returned`, async (t) => {
    const { store } = await openOurs(t, options());
    await store.set("n", { n: 1 });
    const result = await store.transaction((tx) => {
      t.false(tx.has("new"));
      tx.insert("new", { a: 1 });
      tx.patch("new", { b: 2, a: undefined });
      tx.set("n", { n: tx.get("n").n + 1 });
      tx.set("gone", { x: 1 });
      tx.delete("gone");
      return tx.get("new");
    });
    t.deepEqual(result, { b: 2 });
    t.deepEqual(Object.fromEntries(store.entries()), { n: { n: 2 }, new: { b: 2 } });
  });

  test(`a transaction in ${carrier} that fails, changes nothing`, async (t) => {
    const { store } = await openOurs(t, options());
    await store.set("a", { n: 1 });
    const failing = {
      throws: [
        () => {
          throw new Error("mine");
        },
        { message: "mine" },
      ],
      "inserts what is there": [(tx) => tx.insert("a", {}), { code: "OPSLOG_EXISTS" }],
      "deletes what is not there": [(tx) => tx.delete("z"), { code: "OPSLOG_NOT_FOUND" }],
      "patches what is not there": [(tx) => tx.patch("z", {}), { code: "OPSLOG_NOT_FOUND" }],
      "sets what JSON cannot hold": [(tx) => tx.set("z", () => {}), { code: "OPSLOG_INVALID_VALUE" }],
      "sets without an id": [(tx) => tx.set("", {}), { code: "OPSLOG_INVALID_ARGUMENT" }],
      "is async": [async () => {}, { code: "OPSLOG_INVALID_ARGUMENT" }],
      "reads through the store": [() => store.get("a"), { code: "OPSLOG_INVALID_ARGUMENT" }],
      "writes through the store": [() => void store.set("a", {}), { code: "OPSLOG_INVALID_ARGUMENT" }],
      "flushes the store": [() => void store.flush(), { code: "OPSLOG_INVALID_ARGUMENT" }],
      "reads the manifest": [() => store.getManifest(), { code: "OPSLOG_INVALID_ARGUMENT" }],
      "patches with a Date": [(tx) => tx.patch("a", new Date(0)), { code: "OPSLOG_INVALID_ARGUMENT" }],
      "patches with what JSON makes a list of": [
        (tx) => tx.patch("a", { toJSON: () => ["x"] }),
        { code: "OPSLOG_INVALID_ARGUMENT", message: /JSON makes array of/ },
      ],
    };
    for (const [what, [run, error]] of Object.entries(failing)) {
      const failed = store.transaction((tx) => {
        tx.set("a", { n: 2 });
        tx.set("b", { n: 2 });
        return run(tx);
      });
      await t.throwsAsync(failed, error, what);
      t.deepEqual(store.entries(), [["a", { n: 1 }]], what);
    }
    await store.set("after", { n: 1 });
    t.is(store.count(), 2);
  });

  test(`a transaction in ${carrier} that changes the objects it reads, changes no record unless it sets them`, async (t) => {
    const { store } = await openOurs(t, options());
    await store.set("a", { n: 1, list: [1] });
    store.get("a");
    const spoil = (record) => {
      record.n = 2;
      record.list.push(2);
    };
    const failing = {
      "transaction()": (run) => store.transaction((tx) => run(tx.get("a"))),
      "update()": (run) => store.update("a", run),
    };
    for (const [name, call] of Object.entries(failing)) {
      await t.throwsAsync(
        call((record) => {
          spoil(record);
          throw new Error("mine");
        }),
        { message: "mine" },
      );
      await call((record) => spoil(record));
      t.deepEqual(store.get("a"), { n: 1, list: [1] }, name);
      await store.transaction((tx) => {
        spoil(tx.get("a"));
        t.is(tx.get("a"), tx.get("a"));
        tx.patch("a", { x: 1 });
        t.deepEqual(tx.get("a"), { n: 1, list: [1], x: 1 });
        tx.patch("a", { x: undefined });
      });
    }
    await store.update("a", (record) => {
      spoil(record);
      return record;
    });
    t.deepEqual(store.get("a"), { n: 2, list: [1, 2] });
    spoil(await store.update("a", (record) => ({ ...record, n: 3 })));
    t.deepEqual(store.get("a"), { n: 3, list: [1, 2] });
    t.true(await store.undo());
    t.true(await store.undo());
    t.deepEqual(store.get("a"), { n: 1, list: [1] });
  });

  test(`transactions and other changes in ${carrier}, take effect in the order of their calls`, async (t) => {
    const { store } = await openOurs(t, options());
    const seen = [];
    const calls = [];
    for (let n = 0; n < 300; n++) {
      calls.push(store.set("n", { n: 10 * n }));
      calls.push(store.update("n", (current) => ({ n: seen.push(current.n) && current.n + 1 })));
      if (n % 50 === 0) calls.push(store.compact());
    }
    await Promise.all(calls);
    t.deepEqual(
      seen,
      Array.from({ length: 300 }, (_, n) => 10 * n),
    );
    t.deepEqual(store.get("n"), { n: 2991 });
  });

  test(`what is made of transactions in ${carrier}, does what its name says`, async (t) => {
    const { store } = await openOurs(t, options());
    await store.insert("a", { n: 1 });
    await t.throwsAsync(store.insert("a", { n: 2 }), { code: "OPSLOG_EXISTS" });
    t.deepEqual(await store.update("a", ({ n }) => ({ n: n + 1, m: 0 })), { n: 2, m: 0 });
    t.is(await store.update("z", (current) => current), undefined);
    await store.patch("a", { m: undefined, x: [1] });
    t.deepEqual(store.get("a"), { n: 2, x: [1] });
    await t.throwsAsync(store.patch("z", {}), { code: "OPSLOG_NOT_FOUND" });
    await t.throwsAsync(store.patch("a", new Date(0)), { code: "OPSLOG_INVALID_ARGUMENT" });
    t.true(await store.compareAndSet("a", { x: [1], n: 2 }, { n: 3 }));
    t.false(await store.compareAndSet("a", { n: 2 }, { n: 4 }));
    t.true(await store.compareAndSet("b", undefined, { n: 5 }));
    t.false(await store.compareAndSet("b", undefined, { n: 6 }));
    t.deepEqual(store.getMany(["b", "z", "a"]), [{ n: 5 }, undefined, { n: 3 }]);
    t.is(await store.clear(), 2);
    t.deepEqual(store.entries(), []);
  });
}

everywhere(
  "update(), the function changes its argument and returns undefined, resolves with the record as it is",
  async (t) => {
    const { store } = await openOurs(t, { reviver: (_, value) => (value === "two" ? 2 : value) });
    await store.set("a", { n: 1, list: [1, "two"] });
    const spoil = (record) => {
      record.n = 9;
      record.list.push(9);
    };
    t.deepEqual(await store.update("a", spoil), { n: 1, list: [1, 2] });
    t.deepEqual(store.get("a"), { n: 1, list: [1, 2] });
    t.is(await store.update("z", () => undefined), undefined);
  },
);

const withoutFields = {
  "a Map": [new Map([["n", 2]]), /got Map, which JSON finds none in/],
  "a Set": [new Set(["n"]), /got Set, which/],
  "a promise": [Promise.resolve({ n: 2 }), /got Promise, which/],
  "an Error": [new Error("n"), /got Error, which/],
  "an object with private fields alone": [
    new (class Private {
      #n = 2;
      n() {
        return this.#n;
      }
    })(),
    /got Private, which/,
  ],
};

for (const [what, [partial, message]] of Object.entries(withoutFields)) {
  everywhere(`patch() with ${what}, rejects with OPSLOG_INVALID_ARGUMENT and changes nothing`, async (t) => {
    const { store } = await openOurs(t);
    await store.set("a", { n: 1 });
    const error = { code: "OPSLOG_INVALID_ARGUMENT", instanceOf: TypeError, message };
    await t.throwsAsync(store.patch("a", partial), error);
    await t.throwsAsync(
      store.transaction((tx) => tx.patch("a", partial)),
      error,
    );
    t.deepEqual(store.entries(), [["a", { n: 1 }]]);
    t.is(store.getOps().length, 1);
  });
}

const withoutText = {
  "a function": () => 2,
  "a symbol": Symbol("n"),
  "an object whose toJSON() returns undefined": { toJSON: () => undefined },
};

for (const [what, value] of Object.entries(withoutText)) {
  everywhere(
    `patch() with a field that is ${what}, rejects with OPSLOG_INVALID_VALUE and changes nothing`,
    async (t) => {
      const { store } = await openOurs(t);
      await store.set("a", { n: 1 });
      const error = { code: "OPSLOG_INVALID_VALUE", instanceOf: TypeError, message: /no text for field "n"/ };
      await t.throwsAsync(store.patch("a", { n: value, m: 2 }), error);
      await t.throwsAsync(
        store.transaction((tx) => tx.patch("a", { n: value })),
        error,
      );
      t.deepEqual(store.entries(), [["a", { n: 1 }]]);
      t.is(store.getOps().length, 1);
    },
  );
}

everywhere(
  "patch() without a field, or with fields that toJSON() or a replacer makes, does what it did",
  async (t) => {
    const replacer = (name, value) => {
      if (name === "secret") return undefined;
      return typeof value === "function" ? "a function" : value;
    };
    const { store } = await openOurs(t, { replacer });
    await store.set("a", { n: 1, secret: 1, m: 1 });
    await store.patch("a", {});
    await store.patch("a", Object.create(null));
    await store.patch("a", { secret: 2n, f: () => 2, m: undefined });
    t.deepEqual(store.get("a"), { n: 1, f: "a function" });
    await store.patch("a", { toJSON: () => ({ n: 2 }) });
    t.deepEqual(store.get("a"), { n: 2, f: "a function" });
  },
);

everywhere("the values of insert(), patch() and compareAndSet(), are those of the call", async (t) => {
  const { store } = await openOurs(t);
  const value = { list: [1] };
  const calls = [
    store.compact(),
    store.insert("a", value),
    store.patch("a", value),
    store.compareAndSet("b", undefined, value),
  ];
  value.list.push(2);
  await Promise.all(calls);
  t.deepEqual(store.entries(), [
    ["a", { list: [1] }],
    ["b", { list: [1] }],
  ]);
});

everywhere(
  "a call of the store within a transaction whose error is caught, takes the transaction back as well",
  async (t) => {
    const { store } = await openOurs(t);
    await store.set("a", { n: 1 });
    // What a call gives or rejects with is not looked at.
    const started = (call) => void Promise.resolve(call(store)).catch(() => {});
    const calls = {
      ...storeCalls,
      position: (store) => store.position,
      "close()": (store) => store.close(),
      "a nested update()": (store) => store.update("a", () => ({})),
    };
    for (const [name, call] of Object.entries(calls)) {
      const failed = store.transaction((tx) => {
        tx.set("a", { n: 2 });
        try {
          started(call);
        } catch {
          // Caught all the same.
        }
      });
      await t.throwsAsync(
        failed,
        { code: "OPSLOG_INVALID_ARGUMENT", message: /works with its argument/ },
        name,
      );
      t.deepEqual(store.entries(), [["a", { n: 1 }]], name);
    }
    await store.transaction((tx) => {
      t.throws(() => tx.insert("a", {}), { code: "OPSLOG_EXISTS" });
      tx.set("a", { n: 3 });
    });
    t.deepEqual(store.get("a"), { n: 3 });
  },
);

everywhere("a transaction that is over, does nothing any more", async (t) => {
  const { store } = await openOurs(t);
  let kept;
  await store.transaction((tx) => {
    kept = tx;
  });
  for (const call of [
    () => kept.get("a"),
    () => kept.has("a"),
    () => kept.set("a", {}),
    () => kept.delete("a"),
  ]) {
    t.throws(call, { code: "OPSLOG_INVALID_ARGUMENT", message: /the transaction is over/ });
  }
});

everywhere("a transaction, runs in its caller's async context", async (t) => {
  const { store } = await openOurs(t);
  const context = new AsyncLocalStorage();
  const calls = ["A", "B", "C"].map((name) =>
    context.run(name, () => store.transaction((tx) => tx.set(name, { by: context.getStore() }))),
  );
  await Promise.all(calls);
  for (const name of ["A", "B", "C"]) t.deepEqual(store.get(name), { by: name });
});

test("transactions of an agent, another agent has archived records since it looked, find these no more", async (t) => {
  const { store: one, folder } = await openOurs(t, { agentId: "one", checkpointOnClose: false });
  for (const known of [true, false]) {
    const { store: other } = await openOurs(t, { folder, agentId: "other", checkpointOnClose: false });
    for (let n = 0; n < 4; n++) await one.set(`n${n}`, { n });
    await one.set("stays", { n: -1 });
    await one.compact();
    if (known) one.all();
    await other.refresh();
    t.is(await other.archive(({ n }) => n >= 0, "2026-Q1"), 4);
    const seen = [];
    await one.update("n0", (current) => {
      seen.push(current);
      return undefined;
    });
    t.deepEqual(seen, [undefined]);
    await t.throwsAsync(one.patch("n1", { more: 1 }), { code: "OPSLOG_NOT_FOUND" });
    t.false(await one.compareAndSet("n2", { n: 2 }, { n: 3 }));
    t.is(await one.clear(), 1);
    t.deepEqual([one.entries(), await one.find({}), one.get("n3")], [[], [], undefined]);
    await other.close();
  }
});

test("where there can be no transactions, they are refused before anything happens", async (t) => {
  const { store, folder } = await openOurs(t);
  await store.set("a", { n: 1 });
  let within;
  await store.batch(() => {
    within = store.transaction(() => {});
    within.catch(() => {});
  });
  await t.throwsAsync(within, { code: "OPSLOG_INVALID_ARGUMENT", message: /within batch/ });
  await store.close();
  const { store: reader } = await openOurs(t, { folder, readOnly: true });
  await t.throwsAsync(
    reader.update("a", () => ({})),
    { code: "OPSLOG_READ_ONLY" },
  );
  const { store: blind } = await openOurs(t, { folder, skipLoad: true });
  await t.throwsAsync(
    blind.update("a", () => ({})),
    { code: "OPSLOG_SKIP_LOAD" },
  );
  const { store: agent } = await openOurs(t, { backend: memoryBackend(memoryBucket()), agentId: "one" });
  let isCalled = false;
  const refused = agent.transaction(() => {
    isCalled = true;
  });
  await t.throwsAsync(refused, { code: "OPSLOG_UNSUPPORTED" });
  t.false(isCalled);
  await t.throwsAsync(agent.clear(), { code: "OPSLOG_UNSUPPORTED" });
});

for (const burst of [1, 20]) {
  test(`four processes that count ten counters up, ${burst} at a time, beside appends, lose no step`, async (t) => {
    t.timeout(240_000);
    const { store, folder } = await openOurs(t, { agentId: "here" });
    const steps = 200;
    const processes = ["a", "b", "c", "d"].map((agent) =>
      fork(counter, [folder, agent, String(steps), String(burst)]),
    );
    const ended = Promise.all(processes.map(async (child) => (await once(child, "exit"))[0]));
    let isOver = false;
    const appends = (async () => {
      for (let n = 0; !isOver; n++) await store.set(`mine-${n % 10}`, { n });
    })();
    t.deepEqual(await ended, [0, 0, 0, 0]);
    isOver = true;
    await appends;
    await store.refresh();
    const counted = store.filter((_, id) => id.startsWith("counter-"));
    t.is(
      counted.reduce((sum, { n }) => sum + n, 0),
      4 * steps,
    );
  });
}

test("processes that count and are killed, lose no step that was acknowledged, and keep no lock", async (t) => {
  t.timeout(240_000);
  const { store, folder } = await openOurs(t, { agentId: "here" });
  let acknowledged = 0;
  let killed = 0;
  for (let round = 0; round < 6; round++) {
    const child = fork(counter, [folder, `k${round}`, "100000", "5", "tell"]);
    await new Promise((resolve) => {
      child.on("message", () => {
        if (++acknowledged % 40 === 0) child.kill("SIGKILL");
        else if (child.connected) child.send("counted", () => {});
      });
      child.on("exit", resolve);
    });
    killed++;
    await store.update("counter-0", (current) => ({ n: (current?.n ?? 0) + 1 }));
    acknowledged++;
  }
  await store.refresh();
  const sum = store.filter((_, id) => id.startsWith("counter-")).reduce((total, { n }) => total + n, 0);
  t.is(killed, 6);
  // Steps that were under way at a kill, or of which the message was lost, may count: the process waits for answers after five.
  t.true(sum >= acknowledged && sum <= acknowledged + 6 * 5, `${sum} counted, ${acknowledged} acknowledged`);
});

everywhere(
  "a function that returns the promise of a call of the store is refused, and no rejection is left unhandled",
  async (t) => {
    const { store } = await openOurs(t);
    const unhandled = [];
    const note = (reason) => unhandled.push(reason);
    process.on("unhandledRejection", note);
    t.teardown(() => process.off("unhandledRejection", note));
    for (const call of [
      () => store.insert("a", { n: 1 }),
      () => store.transaction(() => {}),
      () => store.undo(),
    ]) {
      await t.throwsAsync(store.transaction(call), { code: "OPSLOG_INVALID_ARGUMENT" });
    }
    await new Promise((resolve) => setImmediate(resolve));
    t.deepEqual(unhandled, []);
    t.is(store.count(), 0);
  },
);

everywhere(
  "calls of the store within a transaction whose promises are dropped leave no rejection unhandled",
  async (t) => {
    const { store } = await openOurs(t);
    await store.set("a", { n: 1 });
    const unhandled = [];
    const note = (reason) => unhandled.push(reason);
    process.on("unhandledRejection", note);
    t.teardown(() => process.off("unhandledRejection", note));
    const calls = {
      insert: () => store.insert("b", { n: 2 }),
      update: () => store.update("a", () => ({ n: 3 })),
      patch: () => store.patch("a", { n: 3 }),
      compareAndSet: () => store.compareAndSet("a", { n: 1 }, { n: 3 }),
      transaction: () => store.transaction(() => {}),
      revert: () => store.revert({ to: new Date() }),
      find: () => store.find({}),
      undo: () => store.undo(),
      batch: () => store.batch(() => {}),
    };
    for (const [name, call] of Object.entries(calls)) {
      const refused = store.transaction((tx) => {
        tx.set("a", { n: 9 });
        void call();
      });
      await t.throwsAsync(refused, { code: "OPSLOG_INVALID_ARGUMENT" }, name);
      t.deepEqual(store.entries(), [["a", { n: 1 }]], name);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.deepEqual(unhandled, []);
  },
);
