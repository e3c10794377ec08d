/** One workload, measured: all stores and floors in turns, each run in a process and a folder of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { spawnChild } from "./children.mjs";
import { summarize } from "./figures.mjs";
import { sizeOnDisk } from "./folders.mjs";

/** Who takes part in a variant: stores, then floors. */
function subjectsOf(workload, variant, stores) {
  const takingPart = (variant.stores ?? workload.stores).filter((name) => stores.includes(name));
  return [...takingPart, ...(variant.floors ?? Object.keys(workload.floors ?? {}))];
}

/** Why a store takes no part in a variant, or undefined. */
function reasonOfAbsence(workload, variant, subject) {
  return workload.absent?.[subject]?.[variant.name];
}

/** Runs a store or a floor once, in a folder of its own; `under` as for `startChild()`. */
export async function runOnce({ workload, variant, subject, root, fixtures, under }) {
  const place = await mkdtemp(join(root, "run-"));
  const folder = join(place, "store");
  try {
    const owner = workload.floors?.[subject] ? "ours" : subject;
    await fixtures.copyTo(folder, owner, workload.fixture?.(variant));
    const task = { task: "run", workload: workload.id, subject, variant, folder };
    const { figures, absent } = await spawnChild(task, { limitMs: workload.limitMs, under });
    if (absent !== undefined) return { absent };
    return { figures: { ...figures, diskMb: (await sizeOnDisk(folder)) / 1e6 } };
  } catch (error) {
    return { failed: error.message };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** Measures a variant; what is expensive is run less often, as its workload says. */
async function measureVariant({ workload, variant, stores, repeats, progress, ...rest }) {
  const subjects = subjectsOf(workload, variant, stores);
  const results = Object.fromEntries(subjects.map((subject) => [subject, { runs: [] }]));
  const wanted = (subject) =>
    Math.min(repeats, variant.repeats ?? Infinity, variant.repeatsOf?.[subject] ?? Infinity);
  for (let round = 0; round < repeats; round += 1) {
    // The store that comes later may find a warmer machine: they take turns in that as well.
    const shift = round % subjects.length;
    for (const subject of [...subjects.slice(shift), ...subjects.slice(0, shift)]) {
      const result = results[subject];
      result.absent ??= reasonOfAbsence(workload, variant, subject);
      if (result.absent || result.failed || round >= wanted(subject)) continue;
      progress(`${workload.id} ${variant.name}: ${subject}, ${round + 1} of ${wanted(subject)}`);
      const { figures, absent, failed } = await runOnce({ workload, variant, subject, ...rest });
      if (figures) result.runs.push(figures);
      Object.assign(result, absent && { absent }, failed && { failed });
    }
  }
  for (const result of Object.values(results)) {
    if (result.runs.length > 0) result.summary = summarize(result.runs);
    result.runs = result.runs.length;
  }
  return results;
}

/** Measures a workload. Resolves to the results by variant and subject. */
export async function measureWorkload({ workload, quick, repeats, ...rest }) {
  const found = {};
  for (const variant of workload.variants) {
    if (quick && variant.slow) continue;
    const times = repeats ?? (quick ? 1 : (workload.repeats ?? 5));
    found[variant.name] = await measureVariant({ workload, variant, repeats: times, ...rest });
  }
  return found;
}
