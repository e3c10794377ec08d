/** Targets are data; here they are held against what was found. Nothing fails when one is missed. */
import { show, showTimes, timesBetter, titlesOf } from "./figures.mjs";
import { titleOf } from "./stores/index.mjs";

const read = (found, variant, subject, key) => found[variant]?.[subject]?.summary?.[key]?.median;

/**
 * One row for each target: what is asked for, what was found, and whether it was met; `met` is undefined where a
 * figure is missing.
 */
export function judge(workload, found) {
  return workload.targets.flatMap((target) => {
    const { variant, figure, than, thanVariant = variant } = target;
    if (found[variant] === undefined) return [];
    const title = `${titlesOf(workload)[figure]}, ${variant}`;
    const ours = read(found, variant, "ours", figure);
    if (target.atMost !== undefined) {
      const met = ours === undefined ? undefined : ours <= target.atMost;
      return [{ title, wanted: `at most ${show(target.atMost)}`, found: show(ours), met }];
    }
    if (target.atLeast !== undefined) {
      const met = ours === undefined ? undefined : ours >= target.atLeast;
      return [{ title, wanted: `at least ${show(target.atLeast)}`, found: show(ours), met }];
    }
    const other = read(found, thanVariant, than, figure);
    const ratio = ours === undefined || other === undefined ? undefined : timesBetter(figure, ours, other);
    const against = than === "ours" ? `itself at ${thanVariant}` : titleOf(than);
    const wanted = `${showTimes(target.times)} ${against}`;
    const met = ratio === undefined ? undefined : ratio >= target.times;
    return [{ title, wanted, found: ratio === undefined ? "-" : showTimes(ratio), ours, other, met }];
  });
}
