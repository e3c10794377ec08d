import { median } from "../../figures.mjs";
import { timed } from "../../measure.mjs";
import workload from "../../workloads/w08-filter.mjs";
import { loadFloors } from "../addon.mjs";
import { filesOf, groupOf } from "../group.mjs";

const keeps = (record) => record.created % 1000 === 7;
const PIECE_BYTES = 64 * 1024;
const PASSES = 5;

/** Calls `take` with each list of JSON that the snapshot's lines make. */
function eachPiece(folder, take) {
  const addon = loadFloors();
  addon.openRecords(filesOf(folder).snapshot);
  for (let text = addon.piece(PIECE_BYTES); text !== ""; text = addon.piece(PIECE_BYTES)) take(text);
}

async function clocked(work) {
  loadFloors();
  return { openAndFirstMs: (await timed(work)).ms };
}

const read = ({ folder }) => clocked(() => loadFloors().readLog(filesOf(folder).snapshot, 0));

const asStrings = ({ folder }) =>
  clocked(() => {
    let length = 0;
    eachPiece(folder, (text) => (length += text.length));
    return length;
  });

const parsed = ({ folder }) =>
  clocked(() => {
    const kept = [];
    eachPiece(folder, (text) => {
      for (const record of JSON.parse(text)) if (keeps(record)) kept.push(record);
    });
    return kept;
  });

/** Passes over objects that are there; `makeWalk` puts them where they are walked. */
function passes(makeWalk) {
  return async ({ folder }) => {
    const objects = [];
    eachPiece(folder, (text) => objects.push(...JSON.parse(text)));
    const walk = makeWalk(objects);
    const times = [];
    for (let pass = 0; pass < PASSES; pass += 1) times.push((await timed(walk)).ms);
    return { warmMs: median(times.slice(2)) };
  };
}

function ofMap(objects) {
  const map = new Map(objects.map((record, n) => [`id-${n}`, record]));
  return () => {
    const kept = [];
    for (const [id, record] of map) if (keeps(record, id)) kept.push(record);
    return kept;
  };
}

const ofArray = (objects) => () => {
  const kept = [];
  for (const record of objects) if (keeps(record)) kept.push(record);
  return kept;
};

const first = {
  "reads the bytes": read,
  "and makes lists of their lines, as strings of JS": asStrings,
  "and JSON.parse() of each list, and the predicate: the floor": parsed,
};
const warm = {
  "the predicate over an array of the objects": passes(ofArray),
  "the predicate over a Map of them: the floor": passes(ofMap),
};

export default groupOf(workload, {
  variants: {
    "1 M": { floors: Object.keys(first) },
    "100 k": { floors: Object.keys(warm), stores: ["ours", "original"] },
    "20 k, 2 KB": { floors: Object.keys(warm), stores: ["ours", "original"] },
  },
  figures: ["openAndFirstMs", "warmMs"],
  stores: ["ours", "original", "lmdb"],
  floors: { ...first, ...warm },
});
