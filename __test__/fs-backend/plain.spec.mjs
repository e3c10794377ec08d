/** Which objects count as an FsBackend as it is delivered. */
import test from "ava";
import { FsBackend, isPlainFsBackend, backends, set, ids } from "../helpers/fs-backends.mjs";
import { original } from "../helpers/original.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

test("isPlainFsBackend(), with an FsBackend as it is delivered, returns true", (t) => {
  t.true(isPlainFsBackend(new FsBackend()));
  t.true(isPlainFsBackend(Object.assign(new FsBackend(), { label: "mine" })));
});

test("isPlainFsBackend(), with a subclass, a wrapper, a proxy or a patched object, returns false", (t) => {
  class Sub extends FsBackend {}
  const patched = new FsBackend();
  patched.appendOps = async () => {};
  const other = {};
  t.false(isPlainFsBackend(new Sub()));
  t.false(isPlainFsBackend(Object.create(new FsBackend())));
  t.false(isPlainFsBackend(new Proxy(new FsBackend(), {})));
  t.false(isPlainFsBackend(Object.create(FsBackend.prototype)));
  t.false(isPlainFsBackend(patched));
  t.false(isPlainFsBackend(new original.FsBackend()));
  t.false(isPlainFsBackend(other));
  t.false(isPlainFsBackend(undefined));
});

test.serial("isPlainFsBackend(), with a method of the class replaced, returns false", (t) => {
  const { readOps } = FsBackend.prototype;
  const backend = new FsBackend();
  FsBackend.prototype.readOps = async () => [];
  try {
    t.false(isPlainFsBackend(backend));
  } finally {
    FsBackend.prototype.readOps = readOps;
  }
  t.true(isPlainFsBackend(backend));
});

test("initialize() and acquireLock() of a proxy and a derived object of an FsBackend, work as they do", async (t) => {
  for (const derive of [(backend) => new Proxy(backend, {}), (backend) => Object.create(backend)]) {
    const folder = await temporaryFolder(t);
    const derived = derive(new FsBackend());
    await derived.initialize(folder, { readOnly: false });
    const log = await derived.createOpsFile();
    await derived.appendOps(log, [set("a", 1)]);
    t.deepEqual(ids(await derived.readOps(log)), ["a"]);
    await derived.releaseLock(await derived.acquireLock());
  }
});

test("a proxy and a derived object of an FsBackend, work as it does", async (t) => {
  const { ours } = await backends(t);
  await ours.writeBlob("x", Buffer.from("1"));
  t.is((await new Proxy(ours, {}).readBlob("x")).toString(), "1");
  t.is((await Object.create(ours).readBlob("x")).toString(), "1");
});
