/** What calls cost in requests, counted by a proxy between the AWS SDK and the server. docs/s3.md has the table. */
import { newWorld, s3Test } from "./server.mjs";

s3Test("a thousand sets in flight are one request, and so is an awaited one and a batch", async (t) => {
  const { open, proxy } = await newWorld(t);
  const store = await open();
  proxy.take();
  await Promise.all(Array.from({ length: 1000 }, (_, n) => store.set(`id-${n}`, { n })));
  t.deepEqual(proxy.take().requests, { PUT: 1 });
  await store.set("one", { n: 1 });
  t.deepEqual(proxy.take().requests, { PUT: 1 });
  await store.batch(() => {
    for (let n = 0; n < 10; n++) store.set(`b-${n}`, { n });
  });
  t.deepEqual(proxy.take().requests, { PUT: 1 });
  await store.close();
});

s3Test("a thousand sets in flight of an agent are two requests", async (t) => {
  const { open, proxy } = await newWorld(t);
  const store = await open({ agentId: "one" });
  proxy.take();
  await Promise.all(Array.from({ length: 1000 }, (_, n) => store.set(`id-${n}`, { n })));
  t.deepEqual(proxy.take().requests, { PUT: 1, HEAD: 1 });
  await store.close();
});

s3Test("undo() of a single writer is two requests, and a reader sees it", async (t) => {
  const { open, proxy } = await newWorld(t);
  const store = await open();
  await store.set("a", { n: 1 });
  await store.set("a", { n: 2 });
  const reader = await open({ readOnly: true });
  proxy.take();
  t.true(await store.undo());
  t.true(proxy.take().count <= 4);
  await reader.refresh();
  t.deepEqual(reader.get("a"), { n: 1 });
  t.true(await store.undo());
  t.false(await store.undo());
  await reader.refresh();
  t.false(reader.has("a"));
  await reader.close();
  await store.close();
});

s3Test("undo() of an agent is four requests, and another agent sees it", async (t) => {
  const { open, proxy } = await newWorld(t);
  const store = await open({ agentId: "one" });
  const others = [];
  for (const agentId of ["two", "three", "four"]) others.push(await open({ agentId }));
  await store.set("a", { n: 1 });
  await store.set("a", { n: 2 });
  await store.refresh();
  proxy.take();
  t.true(await store.undo());
  t.deepEqual(proxy.take().requests, { HEAD: 1, LIST: 1, PUT: 2 });
  for (const other of others) {
    await other.refresh();
    t.deepEqual(other.get("a"), { n: 1 });
    await other.close();
  }
  await store.close();
});

s3Test("of a log that takes less than cacheBytes, what is known is not read again", async (t) => {
  const { open, proxy } = await newWorld(t, {}, { cacheBytes: 1 << 20 });
  const store = await open({ agentId: "one" });
  const text = "x".repeat(800);
  await Promise.all(Array.from({ length: 1000 }, (_, n) => store.set(`id-${n}`, { text })));
  const reader = await open({ readOnly: true });
  for (let n = 0; n < 3; n++) {
    await store.set("a", { n });
    proxy.take();
    t.true(await store.undo());
    const { requests, bytesDown } = proxy.take();
    t.deepEqual(requests, { HEAD: 1, LIST: 1, PUT: 2 });
    t.true(bytesDown < 10_000, `${bytesDown} bytes`);
    t.is(store.count(), 1000);
  }
  await reader.refresh();
  t.deepEqual(reader.entries(), store.entries());
  await reader.close();
  await store.close();
});

s3Test("the logs of many agents are listed in one request", async (t) => {
  const { open, proxy } = await newWorld(t);
  const reader = await open({ agentId: "follows" });
  const agents = await Promise.all(Array.from({ length: 12 }, (_, n) => open({ agentId: `agent${n}` })));
  await reader.tail();
  await Promise.all(agents.map((agent, n) => agent.set(`${n}`, { n })));
  proxy.take();
  t.is((await reader.tail()).length, 12);
  const { requests } = proxy.take();
  t.true(requests.LIST <= 2 && requests.GET <= 13, JSON.stringify(requests));
  for (const agent of agents) await agent.close();
  await reader.close();
});

s3Test(
  "agents that are gone cost nothing at open once a compaction has taken their logs along",
  async (t) => {
    t.timeout(240_000);
    const { open, proxy } = await newWorld(t);
    const requestsOfOpening = async () => {
      proxy.take();
      const reader = await open({ readOnly: true });
      const { count } = proxy.take();
      await reader.close();
      return count;
    };
    const store = await open({ agentId: "living" });
    await store.set("a", 1);
    await store.compact();
    const before = await requestsOfOpening();
    for (let n = 0; n < 20; n++) {
      const gone = await open({ agentId: `gone-${n}` });
      await gone.set(`of-${n}`, n);
      await gone.close();
    }
    await store.refresh();
    await store.compact();
    await store.compact();
    t.true((await requestsOfOpening()) <= before);
    const reader = await open({ readOnly: true });
    t.is(reader.stats().activeRecords, 21);
    await reader.close();
    await store.close();
  },
);

s3Test(
  "tail() with nothing new is one request, for a reader and for an agent, at 0 and at 1,000 operations",
  async (t) => {
    const { open, proxy } = await newWorld(t);
    const store = await open({ agentId: "writer" });
    for (const follower of [await open({ readOnly: true }), await open({ agentId: "other" })]) {
      await follower.tail();
      proxy.take();
      t.deepEqual(await follower.tail(), []);
      t.deepEqual(proxy.take().requests, { LIST: 1 });
      await Promise.all(Array.from({ length: 1000 }, (_, n) => store.set(`id-${n}`, { n })));
      t.is((await follower.tail()).length, 1000);
      proxy.take();
      t.deepEqual(await follower.tail(), []);
      t.deepEqual(proxy.take().requests, { LIST: 1 });
      await follower.close();
    }
    await store.close();
  },
);

s3Test(
  "a store of many appends is opened through its roll-ups, and a late reader catches up through them",
  async (t) => {
    t.timeout(240_000);
    const { open, proxy } = await newWorld(t);
    const store = await open();
    const early = await open({ readOnly: true });
    for (let n = 0; n < 300; n++) await store.set(`id-${n}`, { n });
    await store.close();
    proxy.take();
    const reader = await open({ readOnly: true });
    // 300 = 256 + 2 * 16 + 12 parts.
    const { requests } = proxy.take();
    t.true(requests.GET <= 2 + 1 + 2 + 12 + 1, JSON.stringify(requests));
    t.true(requests.LIST <= 5, JSON.stringify(requests));
    t.is(reader.count(), 300);
    t.is((await early.tail()).length, 300);
    t.deepEqual(early.entries(), reader.entries());
    await reader.close();
    await early.close();
  },
);
