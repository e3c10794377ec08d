"use strict";

function expect(what, holds) {
  if (!holds) throw new Error(`${what} does not hold`);
}

/** What every program does with the classes, and with what it has of Node, that it was given: a store's life. */
exports.life = async function life(
  { Store, FsBackend, LamportClock },
  { mkdtempSync, rmSync, tmpdir, join },
) {
  const folder = mkdtempSync(join(tmpdir(), "opslog-tool-"));
  const store = new Store();
  await store.open(folder);
  for (let n = 0; n < 100; n++) await store.set(`id-${n}`, { n });
  await store.batch(() => store.delete("id-0"));
  await store.undo();
  await store.compact();
  const streamed = [];
  for await (const [id] of store.streamSnapshot()) streamed.push(id);
  expect("a streamed snapshot", streamed.length === 100);
  await store.backup(`${folder}-copy`);
  await store.close();
  expect("verify()", (await Store.verify(folder)).ok);
  const again = new Store();
  await again.open(folder, { readOnly: true, backend: new FsBackend() });
  expect("the count after a reopen", again.count() === 100);
  await again.close();
  class Patched extends FsBackend {}
  const behind = new Store();
  await behind.open(folder, { backend: new Patched() });
  await behind.set("last", 1);
  await behind.close();
  expect("a clock", new LamportClock().tick() === 1);
  rmSync(folder, { recursive: true });
  rmSync(`${folder}-copy`, { recursive: true });
  return "works";
};
