import { execFile } from "node:child_process";
import { promisify } from "node:util";
import test from "ava";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const run = promisify(execFile);
const index = new URL("../../index.mjs", import.meta.url).href;

const WRITES = 100_000;
const VALUE_BYTES = 4000;
/** What may be held: objects of promises and places of operations, and never the 400 MB that are written. */
const LIMIT_BYTES = 200e6;

const program = `
  import { Store } from ${JSON.stringify(index)};
  const { folder, options, turns } = JSON.parse(process.argv[1]);
  const store = new Store();
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false, ...options });
  const text = "x".repeat(${VALUE_BYTES});
  const before = process.memoryUsage().rss;
  let highest = 0;
  let last;
  for (let n = 0; n < ${WRITES}; n++) {
    last = store.set("record-" + (n % 100), { n, text });
    if (n % 2000 === 0) highest = Math.max(highest, process.memoryUsage().rss);
    if (turns && n % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  highest = Math.max(highest, process.memoryUsage().rss);
  await last;
  if (!(await store.undo()) || store.get("record-99").n !== ${WRITES} - 101) throw new Error("what was written is not there");
  console.log(highest - before);
  await store.close();`;

for (const options of [
  {},
  { durability: "always" },
  { writeMode: "group" },
  { writeMode: "async", durability: "interval" },
  { durability: "always", agentId: "one" },
]) {
  for (const turns of [false, true]) {
    const how = turns ? "with turns of the event loop in between" : "all in one go";
    test.serial(
      `100,000 writes that are not awaited with ${JSON.stringify(options)}, ${how}, are not held in memory`,
      async (t) => {
        const given = JSON.stringify({ folder: await temporaryFolder(t), options, turns });
        const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program, given]);
        const grown = Number(stdout);
        t.log(`${Math.round(grown / 1e6)} MB for ${(WRITES * VALUE_BYTES) / 1e6} MB`);
        t.true(grown < LIMIT_BYTES, `${grown} bytes`);
      },
    );
  }
}

/** What a call that is not awaited holds of V8's memory until it is settled: its promise and what leads to that. */
const LIMIT_OF_A_CALL = 300;
/** What it holds afterwards: nothing, as far as V8's own bookkeeping lets that be seen. */
const LIMIT_OF_A_SETTLED_CALL = 20;

const held = `
  import { Store } from ${JSON.stringify(index)};
  const { folder, options } = JSON.parse(process.argv[1]);
  const store = new Store();
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false, ...options });
  const used = () => {
    gc();
    return process.memoryUsage().heapUsed;
  };
  for (let n = 0; n < 2000; n++) await store.set("record-" + (n % 100), { n });
  const before = used();
  let last;
  for (let n = 0; n < ${WRITES}; n++) last = store.set("record-" + (n % 100), { n });
  const during = used();
  await last;
  await new Promise((resolve) => setImmediate(resolve));
  const after = used();
  await store.close();
  console.log(JSON.stringify([during - before, after - before]));`;

for (const options of [
  {},
  { durability: "always" },
  { writeMode: "group" },
  { durability: "always", agentId: "one" },
]) {
  test.serial(
    `100,000 writes that are not awaited with ${JSON.stringify(options)}, in one turn, hold a promise each until they are settled, and then nothing`,
    async (t) => {
      const given = JSON.stringify({ folder: await temporaryFolder(t), options });
      const args = ["--expose-gc", "--input-type=module", "-e", held, given];
      const { stdout } = await run(process.execPath, args);
      const [during, after] = JSON.parse(stdout).map((bytes) => Math.round(bytes / WRITES));
      t.log(`${during} bytes each, ${after} once settled`);
      t.true(during > 60 && during < LIMIT_OF_A_CALL, `${during}`);
      t.true(after < LIMIT_OF_A_SETTLED_CALL, `${after}`);
    },
  );
}

/** Strings are part of texts that are this long; of so many texts a store may hold a few. */
const PAGE_BYTES = 300_000;
const LIMIT_OF_PAGES = 10 * PAGE_BYTES;

const pages = `
  import { Store } from ${JSON.stringify(index)};
  const store = new Store();
  await store.open(process.argv[1], { checkpointOnClose: false });
  const part = (n) => Buffer.alloc(${PAGE_BYTES}, 97 + (n % 26)).toString("latin1").slice(100, 140);
  const value = (n) => ({ title: part(n), list: [part(n)], nested: { [part(n)]: part(n) } });
  const held = () => {
    gc();
    return process.memoryUsage().heapUsed;
  };
  await store.set("id-0", value(0));
  const before = held();
  for (let n = 1; n < 200; n++) await store.set("id-" + n, value(n));
  const created = held();
  for (let n = 1; n < 200; n++) {
    store.get("id-" + n);
    await store.set("id-" + n, value(n + 1));
  }
  console.log(JSON.stringify([created - before, held() - before]));
  await store.close();`;

test.serial("set(), strings are parts of long texts, does not hold the texts in memory", async (t) => {
  const folder = await temporaryFolder(t);
  const args = ["--expose-gc", "--input-type=module", "-e", pages, folder];
  const { stdout } = await run(process.execPath, args);
  for (const grown of JSON.parse(stdout)) t.true(grown < LIMIT_OF_PAGES, `${grown} bytes`);
});
