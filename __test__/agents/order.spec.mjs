import { execFile } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { idsOf, openAgent, recordsIn } from "../helpers/agents.mjs";
import { readManifest, temporaryFolder, writeFolderByHand } from "../helpers/store-folder.mjs";

const run = promisify(execFile);
// Windows takes its locale from the user's settings, not from the environment.
const withLocales = process.platform === "win32" ? test.skip : test;
const clockOf = (store, id) => store.getHistory(id).at(-1).clock;

test("set() of an agent after compact() and after a reopen, goes on counting its clock", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  for (let n = 0; n < 5; n++) await one.set("a", { n });
  const before = clockOf(one, "a");
  await one.compact();
  await one.set("a", { n: 5 });
  t.true(clockOf(one, "a") > before);
  const last = clockOf(one, "a");
  await one.compact();
  await one.close();
  const again = await openAgent(t, folder, "one");
  await again.set("b", { n: 6 });
  t.true(clockOf(again, "b") > last);
});

test("set() of an agent that saw nothing since another's compact(), comes after what was compacted", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, late] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "late")];
  for (let n = 0; n < 9; n++) await one.set("a", { n });
  await one.compact();
  await one.set("a", { n: 9 });
  await late.set("a", { n: 10 });
  await one.set("other", { n: 1 });
  t.true(clockOf(late, "a") > 9);
  t.deepEqual((await recordsIn(folder)).a, { n: 10 });
});

test("set() of an agent under skipLoad, others wrote before, comes after them", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  for (let n = 0; n < 5; n++) await one.set("a", { n });
  await one.compact();
  const blind = await openAgent(t, folder, "blind", { skipLoad: true });
  await blind.set("a", { n: 5 });
  await blind.close();
  t.deepEqual((await recordsIn(folder)).a, { n: 5 });
});

test("undo() and then set() of an agent, does not use a clock twice", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  await one.set("a", { n: 1 });
  const undone = clockOf(one, "a");
  t.true(await one.undo());
  await one.set("a", { n: 2 });
  t.true(clockOf(one, "a") > undone);
});

withLocales(
  "open() of two agents whose clocks are the same, under three locales, agrees on the UTF-16 order",
  async (t) => {
    const pairs = [
      ["a", "B"],
      ["ä", "z"],
      ["\u{1f600}", "～"],
      ["ı", "I"],
      ["i", "İ"],
      ["か", "ア"],
    ];
    const index = new URL("../../index.mjs", import.meta.url).href;
    const program = `
    const { Store } = await import(${JSON.stringify(index)});
    const store = new Store();
    await store.open(process.argv[1], { readOnly: true });
    console.log(JSON.stringify([Intl.DateTimeFormat().resolvedOptions().locale, Object.fromEntries(store.entries())]));`;
    const folder = await temporaryFolder(t);
    const line = (agent, id) =>
      JSON.stringify({
        ts: "2024-01-01T00:00:00.000Z",
        op: "set",
        id,
        prev: null,
        data: { agent },
        agent,
        clock: 1,
      });
    const agents = pairs.flatMap((pair, n) =>
      pair.map((agent) => ({ agent, id: `pair-${n}`, path: `ops/agent-${agent}-1.jsonl` })),
    );
    await writeFolderByHand(folder, {
      snapshot: '{"version":1,"timestamp":"2024-01-01T00:00:00.000Z"}\n',
      snapshotName: "snap-1000.jsonl",
      wal: "",
      manifest: { activeAgentOps: Object.fromEntries(agents.map(({ agent, path }) => [agent, path])) },
    });
    for (const { agent, id, path } of agents) await writeFile(join(folder, path), `${line(agent, id)}\n`);
    const expected = Object.fromEntries(
      pairs.map((pair, n) => [`pair-${n}`, { agent: [...pair].sort().at(-1) }]),
    );
    const found = [];
    for (const locale of ["en_US.UTF-8", "tr_TR.UTF-8", "ja_JP.UTF-8"]) {
      const env = { ...process.env, LANG: locale, LC_ALL: locale };
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program, folder], { env });
      const [name, records] = JSON.parse(stdout);
      found.push(name);
      t.deepEqual(records, expected);
    }
    t.deepEqual(found, ["en-US", "tr-TR", "ja-JP"]);
  },
);

test("tail() of an agent, orders interleave, returns what became visible, once", async (t) => {
  const folder = await temporaryFolder(t);
  const agents = [
    await openAgent(t, folder, "b"),
    await openAgent(t, folder, "a"),
    await openAgent(t, folder, "c"),
  ];
  const [one, other, third] = agents;
  await one.set("one-1", { n: 1 });
  await one.set("one-2", { n: 2 });
  t.deepEqual(idsOf(await third.tail()), ["one-1", "one-2"]);
  // Its clock has not moved: in the order of all it comes before what was seen.
  await other.set("other-1", { n: 3 });
  await third.set("own", { n: 4 });
  t.deepEqual(idsOf(await third.tail()), ["other-1"]);
  t.deepEqual(await third.tail(), []);
  t.deepEqual(idsOf(await one.tail()).sort(), ["other-1", "own"]);
  t.deepEqual(await one.tail(), []);
});

test("tail() of an agent, others and itself compacted meanwhile, returns what is new, once", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  await one.set("before", { n: 1 });
  t.deepEqual(idsOf(await other.tail()), ["before"]);
  await one.set("unseen", { n: 2 });
  await one.compact();
  await one.set("after", { n: 3 });
  t.deepEqual(idsOf(await other.tail()), ["unseen", "after"]);
  await one.set("last", { n: 4 });
  await other.compact();
  await one.compact();
  t.deepEqual(idsOf(await other.tail()), ["last"]);
  t.deepEqual(await other.tail(), []);
});

test("tail() of a reader, compactions end between its looks at the manifest and at the logs, returns each once", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  const reader = await openAgent(t, folder, undefined, { readOnly: true });
  await one.set("a", { n: 1 });
  await one.compact();
  const early = await readFile(join(folder, "manifest.json"));
  await one.set("b", { n: 2 });
  await one.compact();
  await one.set("c", { n: 3 });
  await one.compact();
  const late = await readFile(join(folder, "manifest.json"));
  // What a reader sees that has read the manifest before the later compactions, and lists the logs after it.
  await writeFile(join(folder, "manifest.json"), early);
  const told = [...(await reader.tail())];
  await writeFile(join(folder, "manifest.json"), late);
  told.push(...(await reader.tail()));
  t.deepEqual(idsOf(told), ["a", "b", "c"]);
  t.deepEqual(reader.all(), [{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test("tail() of an agent, another undid what it had seen, lets it vanish and returns what replaced it", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  await one.set("undone", { n: 1 });
  t.deepEqual(idsOf(await other.tail()), ["undone"]);
  t.true(await one.undo());
  await one.set("redone", { n: 2 });
  t.deepEqual(idsOf(await other.tail()), ["redone"]);
  t.deepEqual(other.entries(), [["redone", { n: 2 }]]);
});

test("undo() of an agent, another compacted its operation away, returns false and changes nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  await one.set("a", { n: 1 });
  await other.compact();
  t.false(await one.undo());
  t.deepEqual(one.get("a"), { n: 1 });
  t.deepEqual(await recordsIn(folder), { a: { n: 1 } });
});

test("undo() of an agent, others wrote after it, takes back its own last operation only", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  await one.set("mine", { n: 1 });
  await other.refresh();
  await other.set("theirs", { n: 2 });
  t.true(await one.undo());
  t.deepEqual(await recordsIn(folder), { theirs: { n: 2 } });
});

test("undo() of an agent within a batch, after others' compactions, takes back one operation at a time", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  for (let round = 0; round < 5; round++) {
    await one.set(`long-${round}`, { text: "ü".repeat(50 * round) });
    await other.compact();
    await one.set(`kept-${round}`, { text: "x".repeat(40) });
    await one.batch(() => {
      for (const name of ["a", "b", "c"]) one.set(`${name}-${round}`, { name, text: "x".repeat(40) });
    });
    t.true(await one.undo());
    t.true(await one.undo());
  }
  const expected = Array.from({ length: 5 }, (_, n) => [`long-${n}`, `kept-${n}`, `a-${n}`]).flat();
  t.deepEqual(Object.keys(await recordsIn(folder)).sort(), expected.sort());
});

test("getWalOps() of an agent, itself and another wrote, yields the operations of both by clock", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  await one.set("a", { n: 1 });
  await other.refresh();
  await other.set("b", { n: 2 });
  await one.refresh();
  await one.set("c", { n: 3 });
  for (const store of [one, other]) {
    const found = [];
    for await (const { id } of store.getWalOps()) found.push(id);
    t.deepEqual(found, ["a", "b", "c"]);
  }
});

test("compact() of an agent, leaves the retired logs on disk", async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one");
  await one.set("a", { n: 1 });
  const retired = (await readManifest(folder)).activeAgentOps.one;
  await one.compact();
  t.not((await readManifest(folder)).activeAgentOps.one, retired);
  t.is(JSON.parse((await readFile(join(folder, retired), "utf8")).split("\n")[0]).id, "a");
});

test("undo() of an agent within a batch, another compacts at the same moment, damages no log", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [await openAgent(t, folder, "one"), await openAgent(t, folder, "other")];
  const expected = {};
  for (let round = 0; round < 40; round++) {
    await one.set(`set-${round}`, { text: "x".repeat(30 * (round % 5)) });
    await one.batch(() => {
      for (const name of ["a", "b", "c"]) one.set(`${name}-${round}`, { n: round });
    });
    const [undone] = await Promise.all([one.undo(), other.compact(), other.set("other", { n: round })]);
    await one.set(`after-${round}`, { n: round });
    for (const name of ["a", "b", undone ? "" : "c", "after"])
      if (name) expected[`${name}-${round}`] = { n: round };
  }
  const records = await recordsIn(folder);
  const found = Object.entries(records).filter(([id]) => !/^(set|other)/.test(id));
  t.deepEqual(Object.fromEntries(found), expected);
  for (const name of await readdir(join(folder, "ops"))) {
    t.true(name.endsWith(".jsonl"), name);
    const lines = (await readFile(join(folder, "ops", name), "utf8")).split("\n").filter(Boolean);
    t.notThrows(() => lines.forEach((line) => JSON.parse(line)), name);
  }
});
