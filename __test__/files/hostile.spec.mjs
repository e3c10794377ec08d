/** Files that no version writes like this, but that V8's JSON.parse reads: both versions find the same in them. */
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { inspect } from "node:util";
import test from "ava";
import { Store } from "../../index.mjs";
import { manual } from "../helpers/agents.mjs";
import { original } from "../helpers/original.mjs";
import {
  readManifest,
  reopened,
  storedEntries,
  temporaryFolder,
  writeFolderByHand,
} from "../helpers/store-folder.mjs";

const time = "2024-01-01T00:00:00.000Z";
const deep = `${"[".repeat(4000)}${"]".repeat(4000)}`;
const texts = [
  ...["9007199254740991", "9007199254740992", "9007199254740993", "9007199254740994", "9007199254740995"],
  ...["-9007199254740993", "9007199254740993.0", "90071992547409930e-1", "18014398509481985"],
  ...["1e400", "-1e400", "-0", "-0.0", "-0e5", "1e-400", "-1e-400", "5e-324", "1.7976931348623159e308"],
  ...["1E5", "1.0", "123456789012345678901234567890", "0.1000000000000000055511151231257827"],
  ...['{"a":1,"a":2}', '{"a":1,"b":2,"a":3}', '{"\\u0061":1,"a":2}', '{"a":{"x":1},"a":{"y":2}}'],
  ...['{"__proto__":1,"__proto__":2}', '{"2":1,"1":2,"2":3}', '{"":1,"":{"":2}}', '{ "a" : [ 1 , -0 ] }'],
  ...['"\\ud800"', '"\\udfff\\ud800"', '{"\\ud800":"\\u0000"}', '"\\/\\b\\u2028"', "false", "[]"],
];

/** Tells -0 from 0, and infinities from null; keys in their order. */
const shown = (value) => inspect(value, { depth: Infinity, maxArrayLength: null, maxStringLength: null });

/** How a value's text may stand in a folder: the files, and the stats that the manifest must have. */
const containers = {
  "a line of the log": (text) => ({
    snapshot: `{"version":1,"timestamp":"${time}"}\n`,
    snapshotName: "snap-1000.jsonl",
    wal: `{"ts":"${time}","op":"set","id":"x","prev":null,"data":${text}}\n`,
  }),
  "a snapshot": (text) => ({
    snapshot: `{"version":1,"timestamp":"${time}"}\n{"id":"x","data":${text}}\n`,
    snapshotName: "snap-1000.jsonl",
    wal: "",
  }),
  "a legacy snapshot": (text) => ({
    snapshot: `{"version":1,"timestamp":"${time}","records":{"x":${text}}}`,
    snapshotName: "snap-1000.json",
    wal: "",
  }),
  "a legacy snapshot of many lines": (text) => ({
    snapshot: `{\n  "version": 1,\n  "timestamp": "${time}",\n  "records": {\n    "x": ${text}\n  }\n}\n`,
    snapshotName: "snap-1000.json",
    wal: "",
  }),
};

/** A folder for each version, with the same files. */
async function twice(t, files) {
  const folders = [await temporaryFolder(t), await temporaryFolder(t)];
  for (const folder of folders) await writeFolderByHand(folder, files);
  return folders;
}

for (const [where, container] of Object.entries(containers)) {
  test(`open(), a value's text in ${where} is one that V8 never prints, is read as 0.8.1 reads it`, async (t) => {
    for (const text of texts) {
      const expected = shown([["x", JSON.parse(text)]]);
      const [ours, theirs] = await twice(t, container(text));
      t.is(shown(await storedEntries(original.Store, theirs)), expected, text);
      await reopened(Store, ours, async (store) => {
        t.is(shown(store.entries()), expected, text);
        await store.set("x", { other: 1 });
        t.true(await store.undo());
        t.is(shown(store.entries()), expected, `${text} after an undo`);
      });
      t.is(shown(await storedEntries(Store, ours, { readOnly: true })), expected, `${text} in a reader`);
      await reopened(Store, ours, async (store) => {
        await store.compact();
        t.is(shown(store.entries()), expected, `${text} after a checkpoint`);
      });
      for (const version of [Store, original.Store])
        t.is(shown(await storedEntries(version, ours)), expected, `${text} in the next snapshot`);
    }
  });

  test(`open(), a value in ${where} is 4,000 arrays deep, survives an update, an undo, a checkpoint and an archive`, async (t) => {
    const [ours] = await twice(t, container(deep));
    const isDeep = (value) => JSON.stringify(value) === deep;
    await reopened(Store, ours, async (store) => {
      t.true(isDeep(store.get("x")));
      await store.set("x", { other: JSON.parse(deep) });
      await store.set("x", 1);
      t.true((await store.undo()) && (await store.undo()));
      t.true(isDeep(store.get("x")));
      await store.compact();
    });
    t.true(isDeep((await storedEntries(original.Store, ours))[0][1]));
    await reopened(Store, ours, async (store) => {
      t.true(isDeep(store.get("x")));
      t.is(await store.archive(() => true, "deep"), 1);
      t.true(isDeep((await store.loadArchive("deep")).get("x")));
    });
    await reopened(original.Store, ours, async (store) => {
      t.true(isDeep((await store.loadArchive("deep")).get("x")));
    });
  });
}

const header = `{"version":1,"timestamp":"${time}"}`;
const set = (id, data) => `{"ts":"${time}","op":"set","id":"${id}","prev":null,"data":${data}}`;

/** Files with a key twice, and what an object with that text holds: what stands last. */
const doubled = {
  "the keys of a log's line": {
    snapshot: `${header}\n`,
    wal: [
      set("a", '{"n":1}'),
      `{"ts":"${time}","op":"delete","id":"a","op":"set","id":"b","prev":1,"prev":null,"data":0,"data":{"n":2}}`,
      `{"ts":"x","ts":"${time}","op":"set","id":"c","data":3,"prev":null,"dat\\u0061":4}`,
      `{"op":"set","ts":"${time}","op":"delete","id":"c","id":"a","prev":{"n":0},"prev":{"n":1}}`,
    ].join("\n"),
  },
  "the keys of a delta": {
    snapshot: `${header}\n{"id":"a","data":{"n":1,"m":1}}\n`,
    wal: `{"ts":"${time}","op":"set","id":"a","prev":{"$set":{"n":0},"$set":{"n":1},"$unset":[],"$unset":["p"]},"data":{"n":2,"m":1,"p":1},"encoding":"x","encoding":"delta"}`,
  },
  "the keys of a snapshot's lines, and its ids": {
    snapshot: `{"version":7,"timestamp":"${time}","version":1}\n{"id":"x","data":0,"id":"a","data":1}\n{"id":"b","data":2}\n{"id":"a","data":{"again":3}}\n`,
    wal: set("c", 4),
  },
  "the ids of a legacy snapshot": {
    snapshotName: "snap-1000.json",
    snapshot: `{"version":1,"timestamp":"${time}","records":{"old":0},"records":{"b":1,"a":2,"b":{"n":3},"\\u0061":4}}`,
    wal: "",
  },
};

for (const [what, files] of Object.entries(doubled)) {
  test(`open(), ${what} stand twice, the last one counts, as in 0.8.1`, async (t) => {
    const wal = files.wal === "" ? "" : `${files.wal}\n`;
    const folders = await twice(t, { snapshotName: "snap-1000.jsonl", ...files, wal });
    const found = [];
    for (const [n, version] of [Store, original.Store].entries()) {
      await reopened(version, folders[n], async (store) => {
        const state = { entries: store.entries(), operations: store.getOps(), streamed: [], undone: [] };
        for await (const entry of store.streamSnapshot()) state.streamed.push(entry);
        // By id: the order after undo() of a deletion is a listed difference.
        while (await store.undo()) {
          state.undone.push(store.entries().sort(([one], [other]) => (one < other ? -1 : 1)));
        }
        found.push(state);
      });
    }
    t.is(shown(found[0]), shown(found[1]));
    t.true(found[0].entries.length > 0);
    t.is(found[0].operations.length, wal.split("\n").length - 1, "no line is skipped");
  });
}

test("open(), the keys of the manifest and of an archive segment stand twice, the last one counts, as in 0.8.1", async (t) => {
  const [ours, theirs] = await twice(t, {
    snapshot: `${header}\n{"id":"a","data":1}\n`,
    snapshotName: "snap-1000.jsonl",
    wal: `${set("b", 2)}\n`,
  });
  const found = [];
  for (const [version, folder] of [
    [Store, ours],
    [original.Store, theirs],
  ]) {
    const manifest = JSON.stringify({
      ...(await readManifest(folder)),
      archiveSegments: ["archive/archive-p.json"],
    });
    const before = `{"currentSnapshot":"snapshots/none.jsonl","activeOps":"ops/none.jsonl","archiveSegments":["archive/x.json"],"stats":null,`;
    await writeFile(join(folder, "manifest.json"), before + manifest.slice(1));
    await mkdir(join(folder, "archive"), { recursive: true });
    const segment = `{"version":0,"period":"q","timestamp":"${time}","version":1,"records":{"z":0},"period":"p","records":{"y":1,"x":2,"y":{"n":3},"1":0}}`;
    await writeFile(join(folder, "archive", "archive-p.json"), segment);
    await reopened(version, folder, async (store) => {
      found.push([store.entries(), store.listArchiveSegments(), [...(await store.loadArchive("p"))]]);
      t.is(await store.archive((_, id) => id === "a", "p"), 1);
      found.at(-1).push([...(await store.loadArchive("p"))]);
    });
  }
  t.is(shown(found[0]), shown(found[1]));
  t.is(found[0][3].length, 4);
});

const ids = [
  ...[
    "",
    "\ud800",
    "\udc00\ud800",
    "\u0000",
    "__proto__",
    "constructor",
    "10",
    "9",
    "-1",
    "4294967295",
    "01",
  ],
  ...["\u2028", '"\\\n', "e\u0301", "\ufffd", "\ufeff", "😀", " ", "i".repeat(1 << 16)],
].filter((id) => id !== "");

for (const indent of [undefined, 2]) {
  test(`open(), a legacy snapshot ${indent ? "of many lines" : "on one line"} has extreme ids and values, finds what 0.8.1 finds`, async (t) => {
    const values = texts.map((text) => [`value ${text}`, text]);
    const records = [...ids.map((id, n) => [id, `{"n":${n}}`]), ...values];
    const members = records.map(([id, text]) => `${JSON.stringify(id)}:${text}`);
    const separator = indent ? ",\n    " : ",";
    const snapshot = `{"version":1,${indent ? "\n" : ""}"timestamp":"${time}","records":{${members.join(separator)}}}`;
    const [ours, theirs] = await twice(t, { snapshot, snapshotName: "snap-1000.json", wal: "" });
    const expected = shown(await storedEntries(original.Store, theirs));
    t.is(shown(await storedEntries(Store, ours)), expected);
    const copy = join(ours, "..", `${basename(ours)}-copy`);
    await cp(ours, copy, { recursive: true });
    t.teardown(() => rm(copy, { recursive: true, force: true }));
    const store = new Store();
    await store.open(copy, manual);
    t.is(store.count(), records.length);
    for (const id of ids) await store.set(id, { changed: id });
    for (const _ of ids) t.true(await store.undo());
    await store.compact();
    await store.close();
    t.is(shown(await storedEntries(Store, copy)), expected);
    t.is(shown(await storedEntries(original.Store, copy)), expected);
  });
}
