/** close() and Symbol.asyncDispose while open() runs: the store is closed afterwards, and its lock is free. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { FsBackend, Store } from "../../index.mjs";
import { carrierNames, carriers } from "../helpers/carriers.mjs";
import { notOpen } from "../helpers/store-calls.mjs";
import { reopened, temporaryFolder } from "../helpers/store-folder.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

const ways = {
  "close()": (store) => store.close(),
  "Symbol.asyncDispose": (store) => store[Symbol.asyncDispose](),
};

/** A folder, or a bucket, with a record in it. */
async function prepared(t, carrier) {
  const folder = await temporaryFolder(t);
  const options = carriers({ FsBackend })[carrier];
  await reopened(Store, folder, (store) => store.set("a", { n: 1 }), { ...options, readOnly: false });
  return { folder, options };
}

for (const carrier of carrierNames) {
  for (const [way, close] of Object.entries(ways)) {
    test(`${way} while open() of ${carrier} runs closes the store and releases the lock`, async (t) => {
      const { folder, options } = await prepared(t, carrier);
      const store = new Store();
      const opening = store.open(folder, options);
      await close(store);
      await t.notThrowsAsync(opening);
      t.throws(() => store.count(), notOpen);
      await t.throwsAsync(access(join(folder, ".lock")), { code: "ENOENT" });
      const found = await reopened(Store, folder, (other) => other.entries(), {
        ...options,
        skipLoad: false,
      });
      t.deepEqual(found, [["a", { n: 1 }]]);
    });
  }
}

for (const [way, close] of Object.entries(ways)) {
  test(`${way} while open() runs refuses writes from its call on, and the store opens again`, async (t) => {
    const { folder } = await prepared(t, "a folder");
    const store = new Store();
    const opening = store.open(folder);
    const closing = close(store);
    await t.throwsAsync(store.close(), notOpen);
    await t.throwsAsync(store.open(folder), { code: "OPSLOG_ALREADY_OPEN" });
    await t.notThrowsAsync(store[Symbol.asyncDispose]());
    await opening;
    t.throws(() => store.set("b", { n: 2 }), notOpen);
    await closing;
    await store.open(folder);
    t.is(store.count(), 1);
    await store.set("b", { n: 2 });
    await store.close();
  });
}

everywhere(
  "close() while open() fails rejects with OPSLOG_NOT_OPEN, and Symbol.asyncDispose resolves",
  async (t) => {
    for (const [way, expected] of [
      ["close()", notOpen],
      ["Symbol.asyncDispose", null],
    ]) {
      const folder = await temporaryFolder(t);
      const store = new Store();
      const opening = store.open(folder, { readOnly: true });
      const closing = ways[way](store);
      await t.throwsAsync(opening, { code: "OPSLOG_NO_STORE" });
      if (expected === null) await t.notThrowsAsync(closing);
      else await t.throwsAsync(closing, expected);
      await t.throwsAsync(store.close(), notOpen);
      await store.open(folder);
      await store.close();
    }
  },
);
