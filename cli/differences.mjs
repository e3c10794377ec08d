/** What is different between two values, field by field. */

const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const text = (value) => JSON.stringify(value) ?? "(no value)";

/**
 * Lines such as `limit: 1000 → 5000`, `+tags: ["new"]` and `-old: 1`. Fields within fields have paths with dots. Values that are no
 * objects are compared as a whole.
 */
export function differences(before, after, path = "") {
  if (isSame(before, after)) return [];
  if (!isRecord(before) || !isRecord(after)) {
    return [`${path === "" ? "" : `${path}: `}${text(before)} → ${text(after)}`];
  }
  const found = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const here = path === "" ? name : `${path}.${name}`;
    if (!Object.hasOwn(after, name)) found.push(`-${here}: ${text(before[name])}`);
    else if (!Object.hasOwn(before, name)) found.push(`+${here}: ${text(after[name])}`);
    else found.push(...differences(before[name], after[name], here));
  }
  return found;
}
