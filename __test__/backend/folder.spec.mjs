/** Many writers through a subclass of FsBackend, whose calls fail on demand; 0.8.1 reads what they leave. */
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { original } from "../helpers/original.mjs";
import { contents, readManifest, storedEntries, temporaryFolder } from "../helpers/store-folder.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

class WatchedBackend extends FsBackend {
  failing = new Map();

  /** The call of a method fails that is the `nth` from now. */
  failAt(method, nth = 1) {
    this.failing.set(method, nth);
  }
}

for (const method of Object.getOwnPropertyNames(FsBackend.prototype)) {
  if (method === "constructor") continue;
  WatchedBackend.prototype[method] = async function (...args) {
    const left = this.failing.get(method) ?? 0;
    if (left > 0) this.failing.set(method, left - 1);
    if (left === 1) throw Object.assign(new Error(`${method}: no space left`), { code: "ENOSPC" });
    return FsBackend.prototype[method].apply(this, args);
  };
}

async function openAgent(t, folder, agentId, options = {}) {
  const backend = new WatchedBackend();
  const store = new Store();
  await store.open(folder, { ...manual, backend, agentId, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return { store, backend };
}

const seenBy = (folder) =>
  storedEntries(Store, folder, { readOnly: true, backend: new WatchedBackend() }).then(Object.fromEntries);
const sorted = (entries) => Object.fromEntries(Object.entries(entries).sort());

for (const [method, nth] of [
  ["readManifest", 1],
  ["createAgentOpsFile", 1],
  ["createAgentOpsFile", 2],
  ["writeManifest", 1],
  ["readOps", 2],
  ["writeSnapshot", 1],
  ["writeManifest", 2],
  ["readManifest", 5],
]) {
  test(`compact() of an agent, call ${nth} of ${method}() fails, loses nothing and works again`, async (t) => {
    const folder = await temporaryFolder(t);
    const { store: one, backend } = await openAgent(t, folder, "one");
    const { store: two } = await openAgent(t, folder, "two");
    await one.set("a", { n: 1 });
    await two.set("b", { n: 1 });
    backend.failAt(method, nth);
    await t.throwsAsync(one.compact(), { message: /no space left/ });
    t.deepEqual(sorted(await seenBy(folder)), { a: { n: 1 }, b: { n: 1 } });
    await one.set("a", { n: 2 });
    await two.set("c", { n: 1 });
    await one.compact();
    const expected = { a: { n: 2 }, b: { n: 1 }, c: { n: 1 } };
    t.deepEqual(sorted(await seenBy(folder)), expected);
    t.deepEqual(sorted(Object.fromEntries(one.entries())), expected);
    await t.notThrowsAsync(two.set("d", { n: 1 }));
  });
}

test("set() of an agent, its append fails, changes nothing and does not use its clock again", async (t) => {
  const folder = await temporaryFolder(t);
  const { store, backend } = await openAgent(t, folder, "one");
  await store.set("a", { n: 1 });
  backend.failAt("appendOps");
  const [failed, kept] = [store.set("a", { n: 2 }), store.set("b", { n: 1 })];
  await t.throwsAsync(failed, { message: /no space left/ });
  await kept;
  t.deepEqual(await seenBy(folder), { a: { n: 1 }, b: { n: 1 } });
  t.deepEqual(store.get("a"), { n: 1 });
  const clocks = store.getOps().map(({ clock }) => clock);
  t.is(new Set(clocks).size, 2);
  t.true(clocks[1] > 2);
});

test("open() of an agent, its registration fails, writes nothing and leaves no lock", async (t) => {
  const folder = await temporaryFolder(t);
  const { store } = await openAgent(t, folder, "one");
  await store.set("a", { n: 1 });
  await store.close();
  const before = await contents(folder);
  for (const method of ["readManifest", "loadSnapshot", "readOps", "writeManifest"]) {
    const backend = new WatchedBackend();
    backend.failAt(method);
    const opening = new Store().open(folder, { ...manual, backend, agentId: "one" });
    await t.throwsAsync(opening, { message: /no space left/ });
    t.deepEqual(await contents(folder), before, method);
  }
});

test("undo() of an agent, the manifest cannot be written, keeps the operation", async (t) => {
  const folder = await temporaryFolder(t);
  const { store, backend } = await openAgent(t, folder, "one");
  await store.set("a", { n: 1 });
  await store.set("a", { n: 2 });
  backend.failAt("writeManifest");
  await t.throwsAsync(store.undo(), { message: /no space left/ });
  t.deepEqual(store.get("a"), { n: 2 });
  t.deepEqual(await seenBy(folder), { a: { n: 2 } });
  t.true(await store.undo());
  t.deepEqual(await seenBy(folder), { a: { n: 1 } });
});

test("0.8.1 finds the same state, also where a compaction died behind its seal", async (t) => {
  const folder = await temporaryFolder(t);
  const { store: one, backend } = await openAgent(t, folder, "one");
  const { store: two } = await openAgent(t, folder, "two");
  for (let n = 0; n < 6; n++) {
    await one.set(`a-${n}`, { n });
    await two.set("both", { n });
  }
  await one.refresh();
  await one.set("both", { n: "last" });
  await two.compact();
  await one.delete("a-0");
  backend.failAt("writeSnapshot");
  await t.throwsAsync(one.compact());
  await two.refresh();
  await two.set("a-1", { n: "new" });
  const expected = sorted(await seenBy(folder));
  const sealed = Object.keys((await readManifest(folder)).activeAgentOps).filter((key) => key.includes("/"));
  t.true(sealed.length > 0);
  await one.close();
  await two.close();
  const found = await storedEntries(original.Store, folder, { agentId: "other" });
  t.deepEqual(sorted(Object.fromEntries(found)), expected);
  t.deepEqual(expected["both"], { n: "last" });
});
