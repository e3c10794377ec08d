/** One run again that a campaign told of: a plan with its faults, as often as asked for. */
import { memoryFolder } from "../../__test__/helpers/memory-folder.mjs";
import { Lane } from "./run.mjs";
import { buildShim } from "./shim.mjs";

/** `run` is `{ workload, seed, store, module }`, `chosen` what the campaign's details call so. Returns what each run was. */
export async function replay(run, chosen, times) {
  const place = memoryFolder("opslog-replay-");
  const lane = new Lane(buildShim(place.folder), place.folder);
  const results = [];
  try {
    while (results.length < times) results.push(await lane.run({ ...run }, chosen));
  } finally {
    await lane.stop();
    place.remove();
  }
  return results;
}
