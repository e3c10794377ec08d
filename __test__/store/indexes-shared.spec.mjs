/** Declared indexes where records are migrated, and where agents share a folder. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { Store } from "../../index.mjs";
import { openAgent } from "../helpers/agents.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { openInProcess } from "../helpers/processes.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

const manual = { checkpointThreshold: Infinity, checkpointOnClose: false };
const RECORDS = 2400;

async function opened(t, folder, options) {
  const store = new Store();
  await store.open(folder, { ...manual, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

const rankOf = (n) => n % 97;
const migrate = ({ n, rank, text }) => ({ n, place: { rank: rank + 1000 }, text });

/** What queries by the index of the new version must find. */
async function assertMigrated(t, store, what) {
  for (const rank of [3, 96]) {
    const query = { "place.rank": rank + 1000 };
    const expected = store.filter(({ place }) => place?.rank === rank + 1000).map(({ n }) => n);
    t.true(expected.length > 0, what);
    t.deepEqual(
      (await store.find(query)).map(({ n }) => n),
      expected,
      what,
    );
    t.is(await store.countWhere(query), expected.length, what);
  }
  t.is(await store.countWhere({ rank: 3 }), 0, what);
  const page = await store.find({}, { sort: { "place.rank": -1, n: 1 }, limit: 5 });
  t.deepEqual(new Set(page.map(({ place }) => place.rank)), new Set([1096]), what);
}

for (const isLarge of [false, true]) {
  const size = isLarge ? "with index files" : "in memory";
  for (const [carrier, optionsOf] of Object.entries({
    "a folder": () => ({}),
    "an agent": () => ({ agentId: "one" }),
    "a backend": (backend) => ({ backend }),
  })) {
    test(`indexes ${size}, across a migration of ${carrier}, find what the records are now`, async (t) => {
      const [folder, bucket] = [await temporaryFolder(t), memoryBucket()];
      const options = (more) => ({ ...optionsOf(memoryBackend(bucket, { turn: null })), ...more });
      const first = await opened(t, folder, options({ version: 1, indexes: { rank: {} } }));
      const text = "x".repeat(isLarge ? 500 : 1);
      await first.batch(() => {
        for (let n = 0; n < RECORDS; n++) first.set(`r${n}`, { n, rank: rankOf(n), text });
      });
      await first.compact();
      for (let n = 0; n < 50; n++) await first.set(`r${n * 7}`, { n: -n, rank: rankOf(n), text });
      await first.whenIndexed();
      await first.close();
      if (carrier === "a folder") {
        const reader = await opened(t, folder, {
          readOnly: true,
          version: 2,
          migrate,
          indexes: { "place.rank": {}, rank: {} },
        });
        await assertMigrated(t, reader, "a reader");
        await reader.close();
      }
      const next = await opened(
        t,
        folder,
        options({ version: 2, migrate, indexes: { "place.rank": {}, rank: {} } }),
      );
      await assertMigrated(t, next, "at once");
      await next.whenIndexed();
      await assertMigrated(t, next, "once they are made");
      await next.set("new", { n: -1, place: { rank: 1003 }, text });
      await next.delete("r100");
      await assertMigrated(t, next, "after changes");
      await next.compact();
      await next.whenIndexed();
      await assertMigrated(t, next, "after a checkpoint");
      await next.close();
      if (carrier === "a backend") return;
      const trees = (await readdir(join(folder, "index")).catch(() => [])).filter((name) =>
        /\.tree$/.test(name),
      );
      t.is(trees.length > 0, isLarge);
      t.true((await Store.verify(folder)).ok);
    });
  }
}

test("agents that insert one value at once through a unique index: one of them has it, in each of many rounds", async (t) => {
  const folder = await temporaryFolder(t);
  const indexes = { email: { unique: true } };
  const agents = [];
  for (const name of ["one", "two", "three"]) agents.push(await openAgent(t, folder, name, { indexes }));
  for (let round = 0; round < 40; round++) {
    const email = `u${round}@example.com`;
    const inserts = agents.map((agent, place) => agent.insert(`u${round}-${place}`, { email }));
    const results = await Promise.allSettled(inserts);
    t.is(results.filter(({ status }) => status === "fulfilled").length, 1, `round ${round}`);
    for (const { reason } of results.filter(({ status }) => status === "rejected")) {
      t.like(reason, { code: "OPSLOG_NOT_UNIQUE", index: "email" });
    }
    if (round % 10 === 3) await agents[round % 3].compact();
    if (round % 10 === 7) await agents[0].update(`u${round}-0`, (user) => user && { email: `${email}.org` });
  }
  for (const agent of agents) await agent.refresh();
  t.deepEqual(
    agents.map((agent) => agent.count()),
    [40, 40, 40],
  );
  t.true((await Store.verify(folder, { indexes })).ok);
});

test("agents of several processes keep a unique value within transactions, and verify() tells what plain sets brought in", async (t) => {
  const folder = await temporaryFolder(t);
  const indexes = { email: { unique: true } };
  const others = [];
  for (const agentId of ["one", "two"]) others.push(await openInProcess(t, folder, { agentId, indexes }));
  const own = await openAgent(t, folder, "three", { indexes });
  let kept = 0;
  for (let round = 0; round < 10; round++) {
    const record = { email: `u${round}@example.com` };
    const calls = others.map((other, place) => other.call("insert", `${round}-${place}`, record));
    const results = await Promise.allSettled([own.insert(`${round}-own`, record), ...calls]);
    kept += results.filter(({ status }) => status === "fulfilled").length;
  }
  t.is(kept, 10);
  await own.refresh();
  t.is(own.count(), 10);
  // A plain set looks at what is known, and not at what another agent writes at the same time.
  const [one, two] = others;
  await Promise.all([
    one.call("set", "plain-1", { email: "same@example.com" }),
    two.call("set", "plain-2", { email: "same@example.com" }),
  ]);
  const report = await Store.verify(folder, { indexes });
  t.deepEqual(
    report.duplicates.map(({ index, ids }) => [index, ids.length]),
    [["email", 2]],
  );
});
