/** What is different between two values, field by field. */
import { jsonOf } from "../terminal/json.mjs";

/** So deep fields are told apart; below, they are compared as a whole. */
const DEPTH = 100;

const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isSame = (one, other) => jsonOf(one) === jsonOf(other);
const text = (value) => jsonOf(value) ?? "(no value)";
const pathTo = (path, name) => (path === "" ? String(name) : `${path}.${name}`);

/** How many elements two lists have in common at their beginning, and behind that at their end. */
function common(before, after) {
  const shortest = Math.min(before.length, after.length);
  let start = 0;
  while (start < shortest && isSame(before[start], after[start])) start++;
  let end = 0;
  while (end < shortest - start && isSame(before.at(-1 - end), after.at(-1 - end))) end++;
  return [start, end];
}

/** Elements in the middle that changed, were taken out or put in; their places are those in the list that has them. */
function listDifferences(before, after, path, depth) {
  const [start, end] = common(before, after);
  const [removed, added] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  const found = [];
  for (let at = 0; at < Math.max(removed.length, added.length); at++) {
    const here = pathTo(path, start + at);
    if (at >= added.length) found.push(`-${here}: ${text(removed[at])}`);
    else if (at >= removed.length) found.push(`+${here}: ${text(added[at])}`);
    else found.push(...differences(removed[at], added[at], here, depth + 1));
  }
  return found;
}

/**
 * Lines such as `limit: 1000 → 5000`, `+tags.2: "new"` and `-old: 1`. Fields within fields have paths with dots, and so have
 * the elements of lists. Other values are compared as a whole.
 */
export function differences(before, after, path = "", depth = 0) {
  if (isSame(before, after)) return [];
  const isDeep = depth >= DEPTH;
  if (!isDeep && Array.isArray(before) && Array.isArray(after))
    return listDifferences(before, after, path, depth);
  if (isDeep || !isRecord(before) || !isRecord(after)) {
    return [`${path === "" ? "" : `${path}: `}${text(before)} → ${text(after)}`];
  }
  const found = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const here = pathTo(path, name);
    if (!Object.hasOwn(after, name)) found.push(`-${here}: ${text(before[name])}`);
    else if (!Object.hasOwn(before, name)) found.push(`+${here}: ${text(after[name])}`);
    else found.push(...differences(before[name], after[name], here, depth + 1));
  }
  return found;
}
