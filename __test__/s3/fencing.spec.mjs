/** A single writer that was replaced, and servers that cannot keep writers apart. */
import { s3Client } from "../../campaigns/s3/clients.mjs";
import { newWorld, s3Test } from "./server.mjs";

/** A world in which the lock of a single writer has always run out when another writer comes. */
async function newWorldWithoutLock(t) {
  const world = await newWorld(t);
  const open = async (options) => {
    await (await world.backend()).deleteBlob(".lock");
    return world.open(options);
  };
  return { ...world, open };
}

s3Test(
  "the next write of a single writer that was replaced rejects with OPSLOG_LOCKED and has no effect",
  async (t) => {
    const { open, proxy } = await newWorldWithoutLock(t);
    const first = await open();
    await first.set("a", { by: "first" });
    const second = await open();
    t.deepEqual(second.get("a"), { by: "first" });
    await second.set("b", { by: "second" });
    proxy.take();
    const error = await t.throwsAsync(first.set("c", { by: "first" }), { code: "OPSLOG_LOCKED" });
    t.notRegex(error.message, /not known/);
    // The append that is refused, and looks at what stands in its place.
    t.deepEqual(proxy.take().requests, { PUT: 1, GET: 2 });
    await t.throwsAsync(first.set("d", { n: 1 }), { code: "OPSLOG_LOCKED" });
    await t.throwsAsync(first.compact(), { code: "OPSLOG_LOCKED" });
    await t.throwsAsync(first.undo(), { code: "OPSLOG_LOCKED" });
    await first.close();
    const reader = await open({ readOnly: true });
    t.deepEqual(reader.entries(), [
      ["a", { by: "first" }],
      ["b", { by: "second" }],
    ]);
    await reader.close();
    await second.close();
  },
);

s3Test("a single writer is stopped once an agent has opened the store", async (t) => {
  const { open } = await newWorldWithoutLock(t);
  const single = await open();
  await single.set("a", { n: 1 });
  const agent = await open({ agentId: "one" });
  await t.throwsAsync(single.set("b", { n: 1 }), { code: "OPSLOG_LOCKED" });
  await agent.compact();
  await agent.set("c", { n: 1 });
  t.deepEqual(
    agent.entries().map(([id]) => id),
    ["a", "c"],
  );
  await agent.close();
  await single.close();
});

s3Test("of twenty single writers that replace each other, each acknowledged write stays", async (t) => {
  t.timeout(240_000);
  const { open } = await newWorldWithoutLock(t);
  const acknowledged = [];
  const refused = [];
  const writers = [];
  for (let n = 0; n < 20; n++) {
    const store = await open();
    writers.push(store);
    await Promise.all(
      writers.slice(-3).map(async (writer, place) => {
        const id = `${n}-${place}`;
        await writer.set(id, { n }).then(
          () => acknowledged.push(id),
          ({ code }) => (code === "OPSLOG_LOCKED" ? refused.push(id) : t.fail(code)),
        );
      }),
    );
  }
  const reader = await open({ readOnly: true });
  const ids = new Set(reader.entries().map(([id]) => id));
  t.deepEqual(
    acknowledged.filter((id) => !ids.has(id)),
    [],
  );
  t.deepEqual(
    refused.filter((id) => ids.has(id)),
    [],
  );
  t.is(acknowledged.length, 20);
  for (const store of [...writers, reader]) await store.close();
});

s3Test(
  "open() of a single writer and of an agent on a server that ignores conditions is refused",
  async (t) => {
    const { endpoint, open } = await newWorld(t);
    const ignoring = (next) => (args) => {
      delete args.request.headers["if-none-match"];
      delete args.request.headers["if-match"];
      return next(args);
    };
    const client = s3Client(endpoint);
    t.teardown(() => client.destroy());
    client.middlewareStack.add(ignoring, { step: "build", priority: "low" });
    for (const agentId of [undefined, "one"]) {
      const error = await t.throwsAsync(open({ agentId }, { client, prefix: `unsafe-${agentId}` }), {
        code: "OPSLOG_UNSAFE_BACKEND",
      });
      t.regex(error.message, /conditional writes/);
    }
  },
);
