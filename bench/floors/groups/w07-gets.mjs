import { spread } from "../../measure.mjs";
import { makeId, makePermutation } from "../../record.mjs";
import workload from "../../workloads/w07-gets.mjs";
import { loadFloors } from "../addon.mjs";
import { filesOf, groupOf } from "../group.mjs";

function looks(makeGet) {
  return async ({ folder, variant }) => {
    const addon = loadFloors();
    addon.openRecords(filesOf(folder).snapshot);
    addon.findPlaces();
    const ids = Array.from(makePermutation(variant.records, 3).subarray(0, 10_000), makeId);
    const get = makeGet(addon, ids);
    const times = [];
    for (const id of ids) {
      const began = performance.now();
      get(id);
      times.push(performance.now() - began);
    }
    return { firstLookUs: spread(times).p50Us };
  };
}

function parsed(addon, ids) {
  const texts = new Map(ids.map((id) => [id, addon.record(id)]));
  return (id) => JSON.parse(texts.get(id));
}

export default groupOf(workload, {
  variants: { "100 k": {} },
  figures: ["firstLookUs"],
  stores: ["ours", "original", "lmdb"],
  floors: {
    "the clock": looks(() => () => {}),
    "a look-up and `pread(2)`, the text as a string of JS": looks((addon) => (id) => addon.record(id)),
    "a Map and JSON.parse() of the text": looks(parsed),
    "a look-up, `pread(2)`, JSON.parse(): the floor": looks((addon) => (id) => JSON.parse(addon.record(id))),
  },
});
