import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { timed } from "../../measure.mjs";
import workload from "../../workloads/w27-agentdb.mjs";
import { loadFloors } from "../addon.mjs";
import { groupOf } from "../group.mjs";
import { openBuffer } from "../inserts.mjs";

const [RECORDS, MANY] = [7000, 5000];
const PIECE_BYTES = 64 * 1024;

/** As bench/programs/agentdb.mjs makes them. */
const makeRecord = (n) => ({
  _id: `item-${n}`,
  n,
  kind: `k${n % 50}`,
  title: `Item number ${n}`,
  tags: ["alpha", `tag-${n % 100}`],
  owner: { name: `user-${n % 1000}`, team: "storage" },
  note: "words that make the record about as long as others",
});

function makeText() {
  const line = (_, n) =>
    `{"ts":1,"op":"set","id":"item-${n}","data":${JSON.stringify(makeRecord(n))},"prev":null}\n`;
  return Array.from({ length: RECORDS }, line).join("");
}

const keeps = (record) => record.kind === "k7";

function walk(addon) {
  const objects = new Map();
  for (let text = addon.piece(PIECE_BYTES); text !== ""; text = addon.piece(PIECE_BYTES))
    for (const record of JSON.parse(text)) objects.set(record._id, record);
  return objects;
}

/** The first walk makes the objects. */
async function finds({ folder }) {
  const addon = loadFloors();
  const path = join(folder, "log");
  writeFileSync(path, makeText());
  addon.openRecords(path);
  const first = await timed(() => [...walk(addon).values()].filter(keeps));
  const again = await timed(() => {
    addon.openRecords(path);
    return walk(addon);
  });
  return { firstFindMs: first.ms, reopenMs: again.ms };
}

/** The next walk is through objects that are held, or copies that have taken their place. */
async function findsOfObjects() {
  const objects = new Map(Array.from({ length: RECORDS }, (_, n) => [`item-${n}`, makeRecord(n)]));
  const find = () => [...objects.values()].filter(keeps);
  find();
  return { findMs: (await timed(find)).ms };
}

async function inserts({ folder }) {
  const { add, addon } = openBuffer(folder);
  const records = Array.from({ length: MANY }, (_, n) => makeRecord(n));
  const { ms } = await timed(() => {
    for (const [n, record] of records.entries()) add(record._id, record, n);
    addon.write();
  });
  return { insertManyMs: ms };
}

function synced(path, sync, text) {
  const fd = openSync(path, text === undefined ? "r" : "w");
  if (text !== undefined) writeSync(fd, text);
  sync(fd);
  closeSync(fd);
}

/** The next log, the snapshot and the manifest, each with its folder: without the sync of folders, without any, or as it has to be. */
const checkpoint =
  (syncFile, syncFolder) =>
  async ({ folder }) => {
    const text = makeText();
    for (const name of ["ops", "snapshots"]) mkdirSync(join(folder, name));
    const place = (name) => join(folder, name);
    const { ms } = await timed(() => {
      synced(place("ops/next"), syncFile, "");
      synced(place("ops"), syncFolder);
      synced(place("snapshots/tmp"), syncFile, text);
      renameSync(place("snapshots/tmp"), place("snapshots/next"));
      synced(place("snapshots"), syncFolder);
      synced(place("manifest.tmp"), syncFile, "{}");
      renameSync(place("manifest.tmp"), place("manifest.json"));
      synced(folder, syncFolder);
    });
    return { closeMs: ms };
  };

const nothing = () => {};

export default groupOf(workload, {
  variants: { memory: {}, disk: {} },
  figures: ["insertManyMs", "firstFindMs", "findMs", "closeMs", "reopenMs"],
  stores: ["ours", "original"],
  floors: {
    "JSON.stringify(), a line, two tables, one write for a thousand: the floor": inserts,
    "JSON.parse() of the records, in lists, and the predicate: the floor": finds,
    "the predicate over objects that are held: the floor": findsOfObjects,
    "a checkpoint's files, not synced": checkpoint(nothing, nothing),
    "the three files synced": checkpoint(fdatasyncSync, nothing),
    "the three files and their folders synced: the floor": checkpoint(fdatasyncSync, fsyncSync),
  },
});
