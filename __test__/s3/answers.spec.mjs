/** Requests that took effect although they failed: each is recognised by what it wrote. */
import { newWorld, s3Test } from "./server.mjs";

/** Lets a fault befall the first requests of a method to an object. */
function harm(proxy, { method, path, fault, times = 1 }) {
  let left = times;
  proxy.harm = (request) => {
    if (left === 0 || request.method !== method || !path.test(request.url)) return undefined;
    left--;
    return fault;
  };
  return () => left;
}

s3Test("open() whose lock was taken by a request without an answer, has the lock", async (t) => {
  const { open, proxy } = await newWorld(t);
  const left = harm(proxy, { method: "PUT", path: /\.lock/, fault: "answer lost" });
  const store = await open();
  t.is(left(), 0);
  await t.throwsAsync(open(), { code: "OPSLOG_LOCKED" });
  await store.close();
  const next = await open();
  await next.close();
});

for (const fault of ["500 with effect", "answer lost", "never answered, with effect"]) {
  s3Test(`what is written after a checkpoint whose publication was: ${fault}, is there`, async (t) => {
    const { open, proxy } = await newWorld(t, {}, { requestTimeoutMs: 300 });
    const store = await open();
    await store.set("before", { n: 1 });
    const left = harm(proxy, { method: "PUT", path: /manifest\.json/, fault, times: 2 });
    await store.compact();
    t.is(left(), 0);
    await store.set("after", { n: 2 });
    await store.close();
    const reader = await open({ readOnly: true });
    t.deepEqual(
      reader.entries().map(([id]) => id),
      ["before", "after"],
    );
    await reader.close();
  });

  s3Test(`a write whose append was: ${fault}, is there once`, async (t) => {
    const { open, proxy } = await newWorld(t, {}, { requestTimeoutMs: 300 });
    for (const agentId of [undefined, "one"]) {
      const store = await open({ agentId });
      const left = harm(proxy, { method: "PUT", path: /batch-/, fault, times: 2 });
      await store.set("a", { agentId: agentId ?? "none" });
      t.is(left(), 0);
      await store.close();
      const reader = await open({ readOnly: true });
      t.deepEqual(reader.entries(), [["a", { agentId: agentId ?? "none" }]]);
      await reader.close();
    }
  });
}

s3Test(
  "a write that no request carries rejects with OPSLOG_TIMEOUT, and the store goes on when the server is back",
  async (t) => {
    const { open, proxy } = await newWorld(t, {}, { requestTimeoutMs: 200, attempts: 2 });
    const store = await open();
    await store.set("a", { n: 1 });
    const fault = "never answered, without effect";
    harm(proxy, { method: "PUT", path: /batch-/, fault, times: 2 });
    await t.throwsAsync(store.set("b", { n: 1 }), { code: "OPSLOG_TIMEOUT" });
    await store.set("c", { n: 1 });
    t.deepEqual(
      store.entries().map(([id]) => id),
      ["a", "c"],
    );
    await store.close();
    const reader = await open({ readOnly: true });
    t.deepEqual(
      reader.entries().map(([id]) => id),
      ["a", "c"],
    );
    await reader.close();
  },
);

s3Test("requests of a backend whose signal was aborted end", async (t) => {
  const { open, proxy } = await newWorld(t);
  const controller = new AbortController();
  const store = await open({}, { signal: controller.signal });
  await store.set("a", { n: 1 });
  harm(proxy, { method: "PUT", path: /batch-/, fault: "never answered, without effect", times: 100 });
  const writing = store.set("b", { n: 1 });
  setTimeout(() => controller.abort(), 50);
  await t.throwsAsync(writing);
  await store.close().catch(() => {});
  proxy.harm = undefined;
  const reader = await open({ readOnly: true });
  t.deepEqual(reader.entries(), [["a", { n: 1 }]]);
  await reader.close();
});
