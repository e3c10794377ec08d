// `npm run bench:floors`: what a record in a batch of 1,000 costs at least, step by step, beside what it costs here and in lmdb, in one
// run and in turns. Microseconds a record, medians; each run is a process of its own. With `--write` into docs/.

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildAddon } from "../../scripts/build.mjs";
import { fail, requireBenchModules, requireCargo, requireNode, root } from "../../scripts/setup.mjs";
import { makePackage } from "../package.mjs";
import { floorsReport } from "../parts.mjs";
import { publish } from "../publication.mjs";
import { makeId, makePool } from "../record.mjs";
import { keep, origin } from "../results.mjs";
import { encode } from "./encoder.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const addonFile = path.join(root, "target/floors/floors.node");
const [WARM, COUNT, TOGETHER] = [20_000, 200_000, 1000];
const ROUNDS = 5;

const STEPS = {
  "JSON.stringify()": (_, pool) => eachRecord((n) => JSON.stringify(pool[n % TOGETHER])),
  "an encoder in JS": (_, pool) => eachRecord((n) => encode(pool[n % TOGETHER])),
  "JSON.stringify() and both strings over Node-API": (folder, pool, ids) => {
    const addon = openFloor(folder);
    return eachRecord((n) => addon.cross(ids[n], JSON.stringify(pool[n % TOGETHER])));
  },
  "and a line, and two tables": (_, pool, ids) => eachLine("", pool, ids),
  "and one write for a thousand: the floor": eachLine,
  "batch() of this package": (folder, pool, ids) => eachBatch("ours", folder, pool, ids),
  "transactionSync() of lmdb": (folder, pool, ids) => eachBatch("lmdb", folder, pool, ids),
};

function openFloor(folder) {
  const addon = createRequire(import.meta.url)(addonFile);
  addon.open(folder && path.join(folder, "lines"));
  return addon;
}

/** Without a folder, lines are put together and thrown away. */
function eachLine(folder, pool, ids) {
  const addon = openFloor(folder);
  return eachRecord((n) => {
    addon.add(ids[n], JSON.stringify(pool[n % TOGETHER]));
    if (n % TOGETHER === TOGETHER - 1) addon.write();
  });
}

let sink = 0;

async function eachRecord(step) {
  const run = (from, to) => {
    for (let n = from; n < to; n++) sink += step(n) === undefined ? 0 : 1;
  };
  run(0, WARM);
  const started = performance.now();
  run(WARM, WARM + COUNT);
  return performance.now() - started;
}

async function eachBatch(name, folder, pool, ids) {
  const { default: store } = await import(`../stores/${name}.mjs`);
  const handle = await store.open(path.join(folder, "store"));
  const run = async (from, to) => {
    for (let n = from; n < to; n += TOGETHER) {
      await handle.setMany(Array.from({ length: TOGETHER }, (_, at) => [ids[n + at], pool[at]]));
    }
  };
  await run(0, WARM);
  const started = performance.now();
  await run(WARM, WARM + COUNT);
  const ms = performance.now() - started;
  await handle.close();
  return ms;
}

async function measure(name, bytes) {
  const folder = mkdtempSync(path.join(tmpdir(), "opslog-floors-"));
  try {
    const ids = Array.from({ length: WARM + COUNT }, (_, n) => makeId(n));
    const ms = await STEPS[name](folder, makePool(bytes), ids);
    if (sink < 0) fail("Nothing was made.");
    console.log((ms * 1000) / COUNT);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function buildFloor() {
  const args = ["build", "--release", "--manifest-path", path.join(here, "Cargo.toml")];
  const env = { ...process.env, CARGO_TARGET_DIR: path.join(root, "target/floors") };
  if (spawnSync("cargo", args, { stdio: "inherit", env }).status !== 0) fail("The floor does not build.");
  const names = {
    linux: "libopslog_floors.so",
    darwin: "libopslog_floors.dylib",
    win32: "opslog_floors.dll",
  };
  copyFileSync(path.join(root, "target/floors/release", names[process.platform]), addonFile);
}

if (process.argv[2] in STEPS) await measure(process.argv[2], Number(process.argv[3]));
else {
  requireNode();
  requireCargo();
  buildAddon();
  makePackage();
  buildFloor();
  requireBenchModules();
  const found = new Map();
  for (let round = 0; round < ROUNDS; round++) {
    for (const bytes of [180, 2048]) {
      for (const name of Object.keys(STEPS)) {
        const args = [fileURLToPath(import.meta.url), name, String(bytes)];
        const us = Number(execFileSync(process.execPath, args, { encoding: "utf8" }));
        const key = `${bytes === 180 ? "180 B" : "2 KB"}: ${name}`;
        found.set(key, [...(found.get(key) ?? []), us]);
      }
    }
  }
  const middle = ROUNDS >> 1;
  const medianOf = (name, size) =>
    found.get(`${size}: ${name}`).toSorted((one, other) => one - other)[middle];
  const rows = Object.fromEntries(
    Object.keys(STEPS).map((name) => [
      name,
      Object.fromEntries(["180 B", "2 KB"].map((size) => [size, medianOf(name, size)])),
    ]),
  );
  const floors = { origin: origin(), repeats: ROUNDS, rows };
  console.log(floorsReport(floors));
  if (process.argv.includes("--write")) {
    await keep("floors", floors);
    await publish();
  }
}
