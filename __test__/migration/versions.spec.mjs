/** Which records are migrated, and when: those that come from a file or an agent of an older version, once, and no other. */
import test from "ava";
import { Store } from "../../index.mjs";
import { manual, openAgent } from "../helpers/agents.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";
import { original } from "../helpers/original.mjs";
import { programOf, recordOf } from "../helpers/schema-versions.mjs";
import {
  readManifest,
  reopened,
  storedEntries,
  temporaryFolder,
  walOperations,
  writeManifest,
} from "../helpers/store-folder.mjs";

/** Places that stores share; `place(agentId)` returns a folder and the options of a store there. */
const places = {
  "in a folder": async (t) => {
    const folder = await temporaryFolder(t);
    return () => [folder, {}];
  },
  "through a backend": async () => {
    const bucket = memoryBucket();
    return () => ["bucket", { backend: memoryBackend(bucket) }];
  },
  "through a backend with conditional writes": async () => {
    const bucket = memoryBucket();
    return () => ["bucket", { backend: memoryBackend(bucket, { conditional: true }) }];
  },
};

/** Opens a store at a place; it is closed when the test is over, unless it was before. */
async function openAt(t, place, options = {}) {
  const store = new Store();
  const [folder, where] = place();
  await store.open(folder, { ...manual, ...where, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

/** Opens a store, hands it to `work`, and closes it. */
async function session(t, place, options, work) {
  const store = await openAt(t, place, options);
  const result = await work(store);
  await store.close();
  return result;
}

/** What a program of a version finds at a place, in order of ids. */
function found(t, place, options) {
  const sorted = (store) => store.entries().sort(([one], [other]) => (one < other ? -1 : 1));
  return session(t, place, { readOnly: true, ...options }, sorted);
}

const ids = (operations) => operations.map(({ id }) => id);

/** Options of programs; one that is given what it must not migrate fails the test. */
const programs = (t) => (version) => programOf(version, { push: (what) => t.fail(what) });

for (const [where, makePlace] of Object.entries(places)) {
  test(`compact() of an agent ${where}, another of the same version wrote since the migration, stores what it wrote`, async (t) => {
    const [place, program] = [await makePlace(t), programs(t)];
    await session(t, place, { agentId: "old", version: 1 }, (store) => store.set("a", recordOf(1, 1)));
    const a = await openAt(t, place, { agentId: "a", ...program(2) });
    const b = await openAt(t, place, { agentId: "b", ...program(2) });
    await b.set("b", recordOf(5, 2));
    t.deepEqual(ids(await a.tail()), ["b"]);
    t.deepEqual(a.get("b"), recordOf(5, 2));
    await a.compact();
    t.deepEqual(await found(t, place, {}), [
      ["a", recordOf(1, 2)],
      ["b", recordOf(5, 2)],
    ]);
  });

  test(`tail() of an agent ${where}, another archived a record, migrates none of the others again`, async (t) => {
    const [place, program] = [await makePlace(t), programs(t)];
    await session(t, place, { agentId: "old", version: 1 }, async (store) => {
      for (const [id, n] of [
        ["a", 1],
        ["b", 2],
        ["c", 3],
      ])
        await store.set(id, recordOf(n, 1));
    });
    const a = await openAt(t, place, { agentId: "a", ...program(2) });
    const b = await openAt(t, place, { agentId: "b", ...program(2) });
    t.is(await b.archive((_, id) => id === "c", "past"), 1);
    await a.tail();
    await a.refresh();
    const left = [
      ["a", recordOf(1, 2)],
      ["b", recordOf(2, 2)],
    ];
    t.deepEqual(a.entries(), left);
    await a.compact();
    t.deepEqual(await found(t, place, program(2)), left);
    t.deepEqual([...(await a.loadArchive("past"))], [["c", recordOf(3, 2)]]);
  });

  test(`open() of three agents ${where} at once, each with the new version, migrates each record once`, async (t) => {
    const program = programs(t);
    for (let round = 0; round < 5; round++) {
      const place = await makePlace(t);
      await session(t, place, { agentId: "old", version: 1 }, async (store) => {
        for (const [id, n] of [
          ["a", 1],
          ["b", 2],
          ["c", 3],
          ["d", 4],
        ])
          await store.set(id, recordOf(n, 1));
      });
      const agents = await Promise.all(
        ["a", "b", "c"].map((agentId) => openAt(t, place, { agentId, ...program(2) })),
      );
      await Promise.all(agents.map((agent, n) => agent.set("abc"[n], recordOf(10 + n, 2))));
      const expected = [
        ["a", recordOf(10, 2)],
        ["b", recordOf(11, 2)],
        ["c", recordOf(12, 2)],
        ["d", recordOf(4, 2)],
      ];
      await Promise.all(agents.map((agent) => agent.compact()));
      for (const agent of agents) {
        await agent.refresh();
        t.deepEqual(agent.entries().sort(), expected);
        await agent.close();
      }
      t.deepEqual(await found(t, place, {}), expected);
    }
  });

  for (const agentId of [undefined, "w"]) {
    const writer = agentId === undefined ? "a single writer" : "an agent";

    test(`tail() of a reader ${where} that was there before, ${writer} opens with the new version, shows each record migrated once`, async (t) => {
      const [place, program] = [await makePlace(t), programs(t)];
      await session(t, place, { agentId, version: 1 }, (store) => store.set("a", recordOf(1, 1)));
      const knowing = await openAt(t, place, { readOnly: true, ...program(2) });
      const plain = await openAt(t, place, { readOnly: true });
      t.deepEqual(knowing.entries(), [["a", recordOf(1, 2)]]);
      await session(t, place, { agentId, version: 1 }, (store) => store.set("b", recordOf(2, 1)));
      const told = (await knowing.tail()).map(({ id, data }) => [id, data]);
      t.deepEqual(told, [["b", recordOf(2, 1)]]);
      t.deepEqual(knowing.get("b"), recordOf(2, 2));
      const upgraded = await openAt(t, place, { agentId, ...program(2) });
      await upgraded.set("c", recordOf(3, 2));
      const expected = [
        ["a", recordOf(1, 2)],
        ["b", recordOf(2, 2)],
        ["c", recordOf(3, 2)],
      ];
      for (const reader of [knowing, plain]) {
        t.true(ids(await reader.tail()).includes("c"));
        t.deepEqual(reader.entries(), expected);
      }
      await upgraded.set("a", recordOf(4, 2));
      for (const reader of [knowing, plain]) {
        t.deepEqual(ids(await reader.tail()), ["a"]);
        t.deepEqual(reader.get("a"), recordOf(4, 2));
        await reader.refresh();
        t.deepEqual(reader.get("b"), recordOf(2, 2));
      }
    });

    test(`tail() of a reader ${where} with a migrate function, ${writer} of the old version undoes, shows what was before, migrated once`, async (t) => {
      const [place, program] = [await makePlace(t), programs(t)];
      const old = await openAt(t, place, { agentId, version: 1 });
      await old.set("a", recordOf(1, 1));
      await old.set("b", recordOf(2, 1));
      await old.compact();
      const reader = await openAt(t, place, { readOnly: true, ...program(2) });
      await old.set("a", recordOf(3, 1));
      await old.set("a", recordOf(4, 1));
      t.is((await reader.tail()).length, 2);
      t.deepEqual(reader.get("a"), recordOf(4, 2));
      for (const [n, left] of [
        [3, 1],
        [1, 0],
      ]) {
        t.true(await old.undo());
        await reader.tail();
        t.deepEqual(reader.get("a"), recordOf(n, 2), `${left} are left`);
      }
      await old.delete("b");
      await reader.tail();
      t.true(await old.undo());
      await reader.tail();
      t.deepEqual(reader.entries().sort(), [
        ["a", recordOf(1, 2)],
        ["b", recordOf(2, 2)],
      ]);
    });

    test(`tail() of a reader ${where}, migrate throws for one record of ${writer}'s, changes nothing and misses nothing`, async (t) => {
      const place = await makePlace(t);
      const old = await openAt(t, place, { agentId, version: 1 });
      await old.set("a", recordOf(1, 1));
      let isBroken = true;
      const { migrate } = programOf(2);
      const careful = (record, from) => {
        if (record.n === 3 && isBroken) throw new TypeError("no such field");
        return migrate(record, from);
      };
      const reader = await openAt(t, place, { readOnly: true, version: 2, migrate: careful });
      const before = reader.entries();
      for (const [id, n] of [
        ["b", 2],
        ["c", 3],
        ["d", 4],
      ])
        await old.set(id, recordOf(n, 1));
      await old.delete("a");
      for (const look of ["tail", "refresh", "tail"]) {
        await t.throwsAsync(reader[look](), { instanceOf: TypeError, message: "no such field" });
        t.deepEqual(reader.entries(), before);
        t.deepEqual(ids(reader.getOps()), ["a"]);
      }
      await old.compact();
      await old.set("e", recordOf(5, 1));
      await t.throwsAsync(reader.tail(), { message: "no such field" });
      t.deepEqual(reader.entries(), before);
      isBroken = false;
      t.deepEqual(ids(await reader.tail()), ["b", "c", "d", "a", "e"]);
      const expected = [
        ["b", recordOf(2, 2)],
        ["c", recordOf(3, 2)],
        ["d", recordOf(4, 2)],
        ["e", recordOf(5, 2)],
      ];
      t.deepEqual(reader.entries().sort(), expected);
      t.deepEqual(await reader.tail(), []);
    });

    test(`open() of ${writer} ${where} with a lower version than the store's, rejects with OPSLOG_NEWER_VERSION and leaves it as it is`, async (t) => {
      const place = await makePlace(t);
      await session(t, place, { agentId, version: 3 }, (store) => store.set("a", recordOf(1, 3)));
      for (const options of [{}, { skipLoad: true }]) {
        await t.throwsAsync(openAt(t, place, { agentId, version: 2, ...options }), {
          code: "OPSLOG_NEWER_VERSION",
          message: /records of version 3, and this program gave version 2/,
        });
      }
      t.deepEqual(await found(t, place, { version: 1 }), [["a", recordOf(1, 3)]]);
      await session(t, place, { agentId }, (store) => store.set("b", recordOf(2, 3)));
      await session(t, place, { agentId, version: 3 }, (store) => store.compact());
      t.deepEqual(await found(t, place, programOf(4)), [
        ["a", recordOf(1, 4)],
        ["b", recordOf(2, 4)],
      ]);
    });
  }

  test(`calls of an agent ${where}, another has opened the store with a newer version, reject with OPSLOG_NEWER_VERSION`, async (t) => {
    const place = await makePlace(t);
    const old = await openAt(t, place, { agentId: "old", version: 1, checkpointOnClose: true });
    const unaware = await openAt(t, place, { agentId: "unaware" });
    await old.set("a", recordOf(1, 1));
    const next = await openAt(t, place, { agentId: "next", ...programOf(2) });
    const refused = { code: "OPSLOG_NEWER_VERSION" };
    await t.throwsAsync(old.set("b", recordOf(2, 1)), refused);
    await t.throwsAsync(old.delete("a"), refused);
    await t.throwsAsync(
      old.batch(() => old.set("b", recordOf(2, 1))),
      refused,
    );
    await t.throwsAsync(old.undo(), refused);
    await t.throwsAsync(old.compact(), refused);
    await t.throwsAsync(
      old.archive(() => true),
      refused,
    );
    await next.set("c", recordOf(3, 2));
    t.true(ids(await old.tail()).includes("c"));
    const expected = [
      ["a", recordOf(1, 2)],
      ["c", recordOf(3, 2)],
    ];
    t.deepEqual(old.entries(), expected);
    await old.close();
    await unaware.set("d", recordOf(4, 2));
    await unaware.compact();
    await unaware.close();
    await next.refresh();
    t.deepEqual(next.entries(), [...expected, ["d", recordOf(4, 2)]]);
    t.deepEqual(await found(t, place, {}), next.entries());
  });

  test(`set() under skipLoad ${where}, with a newer version than the store's, is not migrated by those who load it`, async (t) => {
    const [place, program] = [await makePlace(t), programs(t)];
    for (const agentId of [undefined, "s"]) {
      await session(t, place, { agentId, version: 1 }, (store) => store.set("a", recordOf(1, 1))).catch(
        (error) => t.is(error.code, "OPSLOG_NEWER_VERSION"),
      );
      await session(t, place, { agentId, version: 2, skipLoad: true }, async (store) => {
        await store.set("b", recordOf(2, 2));
        await store.batch(() => {
          store.set("c", recordOf(3, 2));
          store.set("d", recordOf(4, 2));
        });
      });
      const expected = [1, 2, 3, 4].map((n) => ["-abcd"[n], recordOf(n, 3)]);
      t.deepEqual(await found(t, place, program(3)), expected);
      await t.throwsAsync(openAt(t, place, { agentId, version: 1 }), { code: "OPSLOG_NEWER_VERSION" });
      if (agentId === undefined) continue;
      await session(t, place, { agentId, ...program(3) }, (store) =>
        t.deepEqual(store.entries().sort(), expected),
      );
      t.deepEqual(await found(t, place, {}), expected);
    }
  });

  test(`compact() ${where} without a version, records of several versions stand side by side, rejects until a program has migrated them`, async (t) => {
    const [place, program] = [await makePlace(t), programs(t)];
    await session(t, place, {}, (store) => store.set("a", recordOf(1, 1)));
    await session(t, place, { version: 2, skipLoad: true }, (store) => store.set("b", recordOf(2, 2)));
    await session(t, place, { checkpointOnClose: true }, async (store) => {
      await t.throwsAsync(store.compact(), { code: "OPSLOG_NEWER_VERSION", message: /version 2/ });
      await store.set("c", recordOf(3, 1));
      t.deepEqual(store.get("b"), recordOf(2, 2));
    });
    const expected = [
      ["a", recordOf(1, 2)],
      ["b", recordOf(2, 2)],
      ["c", recordOf(3, 2)],
    ];
    t.deepEqual(await found(t, place, program(2)), expected);
    await session(t, place, { agentId: "agent", ...program(2) }, (store) =>
      t.deepEqual(store.entries().sort(), expected),
    );
    await session(t, place, {}, async (store) => {
      await store.compact();
      t.deepEqual(store.entries().sort(), expected);
    });
  });
}

/** Where a single writer can keep values of several versions in one log, when it takes over what agents left. */
const takesOver = { "in a folder": true };

for (const [where, makePlace] of Object.entries(places)) {
  const outcome = takesOver[where]
    ? "takes them over as they are"
    : "rejects with OPSLOG_NEWER_VERSION until a program has migrated them";
  test(`open() ${where} without agentId and version, agents left records of several versions, ${outcome}`, async (t) => {
    const [place, program] = [await makePlace(t), programs(t)];
    await session(t, place, { agentId: "one" }, (store) => store.set("a", recordOf(1, 1)));
    await session(t, place, { agentId: "two", version: 2, skipLoad: true }, (store) =>
      store.set("b", recordOf(2, 2)),
    );
    const left = [
      ["a", recordOf(1, 1)],
      ["b", recordOf(2, 2)],
    ];
    if (takesOver[where]) {
      const shown = await session(t, place, {}, (store) => store.entries().sort());
      t.deepEqual(shown, left);
    } else {
      const error = await t.throwsAsync(openAt(t, place), { code: "OPSLOG_NEWER_VERSION" });
      t.regex(error.message, /version 2/);
      t.deepEqual(await found(t, place, {}), left);
    }
    const expected = [
      ["a", recordOf(1, 2)],
      ["b", recordOf(2, 2)],
    ];
    await session(t, place, program(2), (store) => t.deepEqual(store.entries().sort(), expected));
    await session(t, place, {}, (store) => t.deepEqual(store.entries().sort(), expected));
  });
}

test("open() without agentId and with the new version, agents of the old version wrote, migrates what they left", async (t) => {
  const program = programs(t);
  const folder = await temporaryFolder(t);
  const one = await openAgent(t, folder, "one", { version: 1 });
  await one.set("a", recordOf(1, 1));
  await one.close();
  await reopened(Store, folder, (store) => t.deepEqual(store.entries(), [["a", recordOf(1, 2)]]), program(2));
  t.deepEqual(await storedEntries(Store, folder), [["a", recordOf(1, 2)]]);
});

test("open() with 0.8.1 of a folder whose log has marks of a version, shows the same records and compacts them", async (t) => {
  const folder = await temporaryFolder(t);
  await reopened(Store, folder, (store) => store.set("a", recordOf(1, 1)));
  await reopened(Store, folder, (store) => store.set("b", recordOf(2, 2)), { version: 2, skipLoad: true });
  const [, marked] = await walOperations(folder);
  t.is(marked.version, 2);
  await reopened(Store, folder, (store) => t.false("version" in store.getOps()[1]));
  const records = [
    ["a", recordOf(1, 1)],
    ["b", recordOf(2, 2)],
  ];
  await reopened(original.Store, folder, (store) => t.deepEqual(store.entries(), records));
  await reopened(original.Store, folder, (store) => store.compact());
  t.false("logVersions" in (await readManifest(folder)));
  t.deepEqual(await storedEntries(Store, folder), records);
});

test("a single writer that gave a version, another has put a newer manifest into its place, publishes none of its own", async (t) => {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder, { ...manual, version: 1 });
  await store.set("a", recordOf(1, 1));
  const manifest = await readManifest(folder);
  await writeManifest(folder, { ...manifest, version: 2 });
  await t.throwsAsync(store.compact(), { code: "OPSLOG_NEWER_VERSION" });
  await t.throwsAsync(store.set("b", recordOf(2, 1)), { code: "OPSLOG_NEWER_VERSION" });
  t.deepEqual(await readManifest(folder), { ...manifest, version: 2 });
  await store.close();
});
