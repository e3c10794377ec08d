/** A group of floors: a workload's variants with missed targets, its stores beside floors that do only what must be done. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * `variants` and `figures` select the targets that are taken apart. The last floor that has a figure does all that must be done; those
 * before it do a part.
 */
export function groupOf(workload, { variants, figures, stores, floors, parts = {}, ...rest }) {
  const chosen = Object.entries(variants).map(([name, changes]) => ({
    ...workload.variants.find((variant) => variant.name === name),
    ...{ repeats: undefined, repeatsOf: undefined, floors: undefined, stores },
    ...changes,
  }));
  const isMeant = ({ variant, figure, than }) =>
    variant in variants && figures.includes(figure) && than !== "ours";
  return {
    ...workload,
    ...rest,
    id: `floors of ${workload.id}`,
    of: workload.id,
    variants: chosen,
    floors,
    parts: { ...workload.parts, ...parts },
    targets: workload.targets.filter(isMeant),
  };
}

/** The paths of a folder's files, as the manifest names them. */
export function filesOf(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const { currentSnapshot, activeOps, activeAgentOps = {} } = manifest;
  const index = currentSnapshot.replace("snapshots/", "index/").concat(".idx");
  const path = (name) => join(folder, name);
  return {
    snapshot: path(currentSnapshot),
    index: path(index),
    log: path(activeOps ?? ""),
    logs: Object.values(activeAgentOps).map(path),
  };
}
