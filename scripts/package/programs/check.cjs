"use strict";

// What every program of the matrix does with the classes that it was given: a store's life, and what is left of it.

const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const path = require("node:path");

module.exports = async function check({ Store, FsBackend, LamportClock }) {
  const folder = mkdtempSync(path.join(tmpdir(), "opslog-package-"));
  const expect = (what, holds) => {
    if (!holds) throw new Error(`${what} does not hold`);
  };
  const store = new Store();
  await store.open(folder);
  for (let n = 0; n < 1000; n++) await store.set(`id-${n}`, { n });
  await store.batch(() => store.delete("id-0"));
  await store.undo();
  await store.compact();
  await store.set("last", { text: "\u2028 \ud800" });
  await store.close();
  const again = new Store();
  await again.open(folder, { readOnly: true, backend: new FsBackend() });
  expect("the count after a reopen", again.count() === 1001);
  expect("a lone surrogate", again.get("last").text === "\u2028 \ud800");
  await again.close();
  expect("a clock", new LamportClock().tick() === 1);
  rmSync(folder, { recursive: true });
  return "works";
};
