/** store.on("change"): what listeners are told, when, and what they cannot do to the store. */
import { AsyncLocalStorage } from "node:async_hooks";
import { appendFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { openAgent } from "../helpers/agents.mjs";
import { carriers } from "../helpers/carriers.mjs";
import { FailingBackend } from "../helpers/failing-backend.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";
import { until } from "../helpers/until.mjs";

const manual = { checkpointThreshold: 1e9, checkpointOnClose: false };
const brief = ({ type, id, value, before }) => (type === "undone" ? [type, id] : [type, id, value, before]);

const writers = Object.keys(carriers({ FsBackend })).filter((name) => !name.includes("reader"));

/** Opens a store of this carrier, in memory if it is called so. */
async function openOn(t, carrier, options) {
  const store = new Store();
  if (carrier === ":memory:") await store.open(":memory:", { ...manual, ...options });
  else await store.open(await temporaryFolder(t), { ...carriers({ FsBackend })[carrier], ...options });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

/** What a listener that is added now is told, in one list. */
function listen(store) {
  const told = [];
  store.on("change", (changes) => told.push(...changes));
  return told;
}

for (const carrier of [...writers, ":memory:"]) {
  test(`on("change") tells what comes to count, once and in order: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier);
    await store.set("before", { n: 0 });
    await store.flush();
    const told = listen(store);
    await store.set("a", { n: 1 });
    await store.set("a", { n: 2 });
    await store.batch(() => {
      store.set("b", { n: 3 });
      store.delete("a");
    });
    await store.delete("before");
    await store.close();
    t.deepEqual(told.map(brief), [
      ["set", "a", { n: 1 }, null],
      ["set", "a", { n: 2 }, { n: 1 }],
      ["set", "b", { n: 3 }, null],
      ["delete", "a", undefined, { n: 2 }],
      ["delete", "before", undefined, { n: 0 }],
    ]);
    const [, , one, two, alone] = told;
    t.deepEqual([one.batch, two.batch, alone.batch], [one.position, one.position, undefined]);
    t.is(new Set(told.map(({ position }) => position)).size, told.length);
  });

  test(`an operation that is undone is told as a retraction: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier, { checkpointThreshold: 1e9 });
    const told = listen(store);
    await store.set("a", { n: 1 });
    await store.set("a", { n: 2 });
    await store.flush();
    await until(() => told.length === 2);
    t.true(await store.undo());
    await until(() => told.length === 3);
    await store.set("a", { n: 3 });
    await store.close();
    t.deepEqual(told.map(brief).slice(2), [
      ["undone", "a"],
      ["set", "a", { n: 3 }, { n: 1 }],
    ]);
    t.is(told[2].position, told[1].position);
    t.is(told[2].after, told[0].position);
  });
}

const undoes = {
  "right behind on(), of what was there before,": (store) => {
    const told = listen(store);
    return { told, undone: store.undo() };
  },
  "that was called right before on(), and waits,": (store, t) => {
    const undone = store.undo();
    t.true(store.has("b"));
    return { told: listen(store), undone };
  },
};

for (const carrier of [...writers, ":memory:"]) {
  for (const [when, undo] of Object.entries(undoes)) {
    test(`an undo() ${when} is told, and what comes then: ${carrier}`, async (t) => {
      const store = await openOn(t, carrier, { checkpointThreshold: 1e9 });
      await store.set("a", 1);
      await store.set("b", 1);
      await store.flush();
      const { told, undone } = undo(store, t);
      t.true(await undone);
      await store.set("c", 1);
      await store.close();
      t.deepEqual(
        told.map(({ type, id }) => [type, id]),
        [
          ["undone", "b"],
          ["set", "c"],
        ],
      );
    });
  }
}

for (const carrier of ["a folder", "a folder of agents", "a backend", "a backend with agents", ":memory:"]) {
  test(`listeners that throw or reject are told as warnings, and hold up no write: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier);
    const warnings = [];
    const note = (warning) => warning.code === "OPSLOG_LISTENER_FAILED" && warnings.push(warning.cause);
    process.on("warning", note);
    t.teardown(() => process.off("warning", note));
    store.on("change", (changes) => {
      if (changes.some(({ id }) => id === `throws ${carrier}`)) throw new Error(`thrown ${carrier}`);
    });
    store.on("change", async (changes) => {
      if (changes.some(({ id }) => id === `throws ${carrier}`)) throw new Error(`rejected ${carrier}`);
    });
    store.on("change", () => new Promise(() => {}));
    const told = listen(store);
    await store.set(`throws ${carrier}`, { n: 1 });
    await store.set("b", { n: 2 });
    await store.close();
    t.deepEqual(
      told.map(({ id }) => id),
      [`throws ${carrier}`, "b"],
    );
    await until(() => warnings.filter(({ message }) => message.endsWith(` ${carrier}`)).length === 2);
  });

  test(`off() ends a listener, also within itself, and leaves the others: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier);
    const told = [];
    const once = (changes) => {
      told.push(["once", ...changes.map(({ id }) => id)]);
      t.is(store.off("change", once), store);
    };
    t.is(store.on("change", once), store);
    const all = listen(store);
    await store.set("a", 1);
    await until(() => told.length === 1 && all.length === 1);
    await store.set("b", 1);
    await store.close();
    t.deepEqual(told, [["once", "a"]]);
    t.deepEqual(
      all.map(({ id }) => id),
      ["a", "b"],
    );
    store.off("change", once);
  });

  test(`a listener runs in the async context of its registration: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier);
    const context = new AsyncLocalStorage();
    const found = [];
    context.run("one", () => store.on("change", () => found.push(context.getStore())));
    context.run("two", () => store.on("change", () => found.push(context.getStore())));
    await context.run("writer", () => store.set("a", 1));
    await store.close();
    t.deepEqual(found.sort(), ["one", "two"]);
  });

  test(`what is not carried out is not told: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier);
    const told = listen(store);
    await t.throwsAsync(
      store.batch(() => {
        store.set("a", 1);
        throw new Error("no");
      }),
    );
    await t.throwsAsync(async () => store.delete("missing"), { code: "OPSLOG_NOT_FOUND" });
    await store.set("b", 1);
    await store.close();
    t.deepEqual(
      told.map(({ id }) => id),
      ["b"],
    );
  });

  test(`two listeners get objects of their own: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier);
    const found = [];
    for (let n = 0; n < 2; n++) {
      store.on("change", ([change]) => {
        found.push(change.value.n);
        change.value.n = "spoiled";
      });
    }
    await store.set("a", { n: 1 });
    await store.close();
    t.deepEqual(found, [1, 1]);
  });

  test(`after close() nothing is told, and a listener is refused: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier);
    const told = listen(store);
    await store.set("a", 1);
    await store.close();
    t.is(told.length, 1);
    t.throws(() => store.on("change", () => {}), { code: "OPSLOG_NOT_OPEN" });
  });
}

test("on() and off() refuse other events, and what is no function", async (t) => {
  const store = await openOn(t, ":memory:");
  for (const method of ["on", "off"]) {
    t.throws(() => store[method]("changed", () => {}), {
      code: "OPSLOG_INVALID_ARGUMENT",
      message: `${method}() knows the event "change", got "changed"`,
    });
    t.throws(() => store[method]("change"), { code: "OPSLOG_INVALID_ARGUMENT" });
  }
});

test("agents and readers of a folder are told what others do, once", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  const two = await openAgent(t, folder, "two");
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  t.teardown(() => reader.close().catch(() => {}));
  const told = [one, two, reader].map(listen);
  for (let n = 0; n < 50; n++) {
    await one.set(`one ${n}`, { n });
    await two.set(`two ${n}`, { n });
    if (n % 20 === 10) await two.compact();
    if (n % 10 === 5) {
      await one.refresh();
      await reader.tail();
    }
  }
  await until(() => told.every(({ length }) => length >= 100));
  await Promise.all([one.close(), two.close(), reader.close()]);
  for (const changes of told) {
    const ids = changes.map(({ id }) => id);
    t.is(new Set(ids).size, 100);
    t.is(ids.length, 100);
    const ofOne = changes.filter(({ agent }) => agent === "one").map(({ value }) => value.n);
    t.deepEqual(
      ofOne,
      Array.from({ length: 50 }, (_, n) => n),
    );
  }
});

for (const conditional of [false, true]) {
  test(`agents and readers behind a backend ${conditional ? "with conditions " : ""}are told what others do, once`, async (t) => {
    const bucket = memoryBucket();
    const open = async (options) => {
      const store = new Store();
      await store.open("x", { ...manual, backend: memoryBackend(bucket, { conditional }), ...options });
      t.teardown(() => store.close().catch(() => {}));
      return store;
    };
    const one = await open({ agentId: "one" });
    const two = await open({ agentId: "two" });
    const reader = await open({ readOnly: true });
    const told = [one, two, reader].map(listen);
    for (let n = 0; n < 10; n++) {
      await one.set(`one ${n}`, { n });
      await two.set(`two ${n}`, { n });
      if (n === 5) await two.compact();
      if (n === 3) await one.refresh();
      if (n === 7) await reader.tail();
    }
    await until(() => told.every(({ length }) => length >= 20));
    for (const changes of told) {
      t.is(new Set(changes.map(({ id }) => id)).size, 20);
      t.is(changes.length, 20);
    }
    t.is((await one.tail()).filter(({ agent }) => agent === "two").length, 6);
  });
}

test("with skipLoad, a listener is told what this session and others write", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  await one.set("before", 1);
  const two = await openAgent(t, folder, "two", { skipLoad: true });
  const told = listen(two);
  await one.set("a", 1);
  await two.set("b", 1);
  await until(() => told.length === 2);
  await two.close();
  t.deepEqual(told.map(({ id }) => id).sort(), ["a", "b"]);
});

test("what another process adds to a writer's log is told as well", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, manual);
  const told = listen(store);
  await store.set("a", 1);
  const line = { ts: new Date().toISOString(), op: "set", id: "b", data: { n: 1 }, prev: null };
  await appendFile(join(folder, store.getManifest().activeOps), `${JSON.stringify(line)}\n`);
  await until(() => told.length === 2);
  await store.close();
  t.deepEqual(
    told.map(({ id }) => id),
    ["a", "b"],
  );
});

test("an append that a backend fails is not told", async (t) => {
  const backend = new FailingBackend();
  const store = new Store();
  await store.open(await temporaryFolder(t), { ...manual, backend });
  const told = listen(store);
  await store.set("a", 1);
  backend.failNext("appendOps");
  await t.throwsAsync(async () => store.set("b", 1));
  await store.set("c", 1);
  await store.close();
  t.deepEqual(
    told.map(({ id }) => id),
    ["a", "c"],
  );
});

for (const carrier of ["a folder", "a backend", ":memory:"]) {
  test(`what archive() moves is told as little as a checkpoint: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier);
    const told = listen(store);
    await store.set("a", 1);
    await store.archive(() => true, "old");
    await store.compact();
    await store.set("b", 1);
    await store.close();
    t.deepEqual(
      told.map(({ type, id }) => [type, id]),
      [
        ["set", "a"],
        ["set", "b"],
      ],
    );
  });

  test(`100,000 writes of one turn are told in few pieces, and a replica of them is the store: ${carrier}`, async (t) => {
    const store = await openOn(t, carrier);
    const replica = new Map();
    let [pieces, told] = [0, 0];
    store.on("change", (changes) => {
      pieces++;
      told += changes.length;
      for (const { type, id, value } of changes) {
        if (type === "set") replica.set(id, value.n);
        else replica.delete(id);
      }
    });
    const count = carrier === "a backend" ? 2_000 : 100_000;
    let last;
    for (let n = 0; n < count; n++) last = store.set(`r${n % 1000}`, { n });
    await last;
    const entries = store.entries().map(([id, { n }]) => [id, n]);
    await store.close();
    t.is(told, count);
    t.true(pieces < count / 4, `${pieces} pieces`);
    t.deepEqual([...replica], entries);
  });
}

test("a listener of a writer does not keep the process alive", async (t) => {
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  const index = new URL("../../index.mjs", import.meta.url).href;
  const folder = await temporaryFolder(t);
  const program = `
    import { Store } from ${JSON.stringify(index)};
    const store = new Store();
    await store.open(${JSON.stringify(folder)});
    store.on("change", (changes) => console.log(changes.length));
    await store.set("a", 1);
    await new Promise((resolve) => setTimeout(resolve, 100));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  t.is(stdout, "1\n");
});

test("a folder that is gone, under a listener, is told once, and what comes once it is back is told", async (t) => {
  const folder = await temporaryFolder(t);
  const writer = new Store();
  await writer.open(folder, manual);
  await writer.set("a", 1);
  await writer.close();
  const reader = new Store();
  await reader.open(folder, { readOnly: true });
  t.teardown(() => reader.close().catch(() => {}));
  const told = listen(reader);
  const warnings = [];
  const note = (warning) => {
    if (warning.code === "OPSLOG_EVENTS_FAILED") warnings.push(warning.cause);
  };
  process.on("warning", note);
  t.teardown(() => process.off("warning", note));
  await rename(folder, `${folder}.away`);
  await until(() => warnings.length > 0);
  const first = warnings[0].message;
  // Longer than the feed waits before it looks again.
  await delay(2500);
  t.is(warnings.filter(({ message }) => message === first).length, 1);
  await rename(`${folder}.away`, folder);
  await writer.open(folder, manual);
  await writer.set("b", 2);
  await until(() => told.some(({ id }) => id === "b"));
  await writer.close();
});

test("an operation that is undone before a listener was called with it is left out, in memory as in a folder", async (t) => {
  const store = new Store();
  await store.open(":memory:");
  t.teardown(() => store.close().catch(() => {}));
  const told = [];
  store.on("change", (changes) => told.push(...changes.map(({ type, id }) => `${type} ${id}`)));
  await store.set("first", 1);
  await store.set("undone", 2);
  await store.undo();
  await store.batch(() => ["a", "b"].forEach((id) => store.set(id, 3)));
  await store.undo({ batch: true });
  await store.set("last", 4);
  await until(() => told.length >= 2);
  t.deepEqual(told, ["set first", "set last"]);
  await store.undo();
  await until(() => told.length >= 3);
  t.deepEqual(told.at(-1), "undone last");
});
