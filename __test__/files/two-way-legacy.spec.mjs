/** Folders as older versions left them, and folders with damaged lines, open as they do in 0.8.1. */
import test from "ava";
import { Store } from "../../index.mjs";
import { original } from "../helpers/original.mjs";
import { reopened, storedEntries, temporaryFolder, writeFolderByHand } from "../helpers/store-folder.mjs";

const legacy = {
  version: 1,
  timestamp: "2024-01-01T00:00:00.000Z",
  records: { b: { n: 1 }, a: { n: 2, text: "ä" } },
};
const oldWal = [
  { ts: "2024-01-02T00:00:00.000Z", op: "set", id: "c", data: { n: 3 }, prev: null },
  { ts: "2024-01-02T00:00:00.001Z", op: "set", id: "b", data: { n: 4 }, prev: { n: 1 } },
  { ts: "2024-01-02T00:00:00.002Z", op: "delete", id: "a", prev: { n: 2, text: "ä" } },
];
const walText = oldWal.map((operation) => `${JSON.stringify(operation)}\n`).join("");
const byId = ([one], [other]) => (one < other ? -1 : 1);
const activeTwo = { stats: { ...statsOf(2) } };

function statsOf(activeRecords) {
  const created = "2024-01-01T00:00:00.000Z";
  return { activeRecords, archivedRecords: 0, opsCount: 0, created, lastCheckpoint: created };
}

for (const [title, snapshot] of [
  ["on one line", JSON.stringify(legacy)],
  ["pretty-printed", JSON.stringify(legacy, null, 2)],
]) {
  test(`open(), the snapshot is a legacy .json ${title}, reads it and carries on as 0.8.1 does`, async (t) => {
    const folders = [await temporaryFolder(t), await temporaryFolder(t)];
    const found = [];
    for (const [n, Reader] of [Store, original.Store].entries()) {
      const files = { snapshot, snapshotName: "snap-1000.json", wal: walText, manifest: activeTwo };
      await writeFolderByHand(folders[n], files);
      await reopened(Reader, folders[n], async (store) => {
        const streamed = [];
        for await (const entry of store.streamSnapshot()) streamed.push(entry);
        found.push({ entries: store.entries(), operations: store.getOps(), streamed });
        t.true(await store.undo());
        t.deepEqual(store.get("a"), { n: 2, text: "ä" });
        await store.set("later", { n: 5 });
        await store.compact();
      });
    }
    t.deepEqual(found[0], found[1]);
    t.deepEqual(found[0].entries, [
      ["b", { n: 4 }],
      ["c", { n: 3 }],
    ]);
    // By id: where a record stands whose deletion was undone is a listed difference.
    const [ours, theirs] = [
      await storedEntries(original.Store, folders[0]),
      await storedEntries(Store, folders[1]),
    ];
    t.deepEqual(ours.sort(byId), theirs.sort(byId));
  });
}

test("open(), the snapshot holds a record without data, keeps its id with an undefined value", async (t) => {
  const folder = await temporaryFolder(t);
  const lines = [
    '{"version":1,"timestamp":"2024-01-01T00:00:00.000Z"}',
    '{"id":"x"}',
    '{"id":"y","data":{"n":1}}',
  ];
  const files = {
    snapshot: `${lines.join("\n")}\n`,
    snapshotName: "snap-1000.jsonl",
    wal: "",
    manifest: activeTwo,
  };
  await writeFolderByHand(folder, files);
  const expected = [
    ["x", undefined],
    ["y", { n: 1 }],
  ];
  t.deepEqual(await storedEntries(original.Store, folder), expected);
  t.deepEqual(await storedEntries(Store, folder), expected);
});

test("open(), the log has malformed lines in the middle, skips exactly those and says so", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, two, three] = walText.split("\n");
  const files = { snapshot: JSON.stringify(legacy), snapshotName: "snap-1000.json", manifest: activeTwo };
  const wal = `${one}\nnot json\n${two}\n{"op":"set"}\n\n${three}\n`;
  await writeFolderByHand(folder, { ...files, wal });
  const spoken = { ours: [], original: [] };
  const { error } = console;
  const found = [];
  try {
    for (const [name, Reader] of Object.entries({ ours: Store, original: original.Store })) {
      console.error = (...words) => spoken[name].push(words.join(" "));
      found.push(await storedEntries(Reader, folder, { readOnly: true }));
    }
  } finally {
    console.error = error;
  }
  t.deepEqual(found[0], found[1]);
  t.deepEqual(spoken.ours, spoken.original);
  t.is(spoken.ours.length, 1);
});
