/** What is different between two values, field by field: added, removed, changed, or moved within an array. */
import { alignment } from "./alignment.mjs";
import { preview } from "../records/previews.mjs";
import { isSame } from "./same.mjs";

/** So many are listed; of the others the number is told. */
const MOST_LISTED = 200;
/** Below this depth a value is compared as a whole: the page shows no deeper path. */
const MOST_DEPTH = 40;

const isList = Array.isArray;
const isObject = (value) => typeof value === "object" && value !== null && !isList(value);

/** `{ list, count }`: each has a `path` (names, and numbers of elements), its `kind`, and previews of `from` and `to`. */
export function differencesOf(before, after) {
  const found = { list: [], count: 0 };
  // A record that was created has all its fields added, one that was deleted has them removed.
  if (before === undefined && isObject(after)) compareObjects({}, after, [], found);
  else if (after === undefined && isObject(before)) compareObjects(before, {}, [], found);
  else if (before === undefined && after !== undefined) tell(found, "added", [], { to: after });
  else if (after === undefined && before !== undefined) tell(found, "removed", [], { from: before });
  else compare(before, after, [], found);
  return found;
}

function tell(found, kind, path, { from, to, ...more }) {
  found.count++;
  if (found.list.length >= MOST_LISTED) return;
  const shown = {
    kind,
    path: path.map((step) => (typeof step === "string" ? step.slice(0, 200) : step)),
    ...more,
  };
  if (from !== undefined) shown.from = preview(from);
  if (to !== undefined) shown.to = preview(to);
  found.list.push(shown);
}

function compare(before, after, path, found) {
  if (before === after) return;
  const isDeep = path.length >= MOST_DEPTH;
  if (!isDeep && isObject(before) && isObject(after)) compareObjects(before, after, path, found);
  else if (!isDeep && isList(before) && isList(after)) compareLists(before, after, path, found);
  else if (!isSame(before, after)) tell(found, "changed", path, { from: before, to: after });
}

function compareObjects(before, after, path, found) {
  for (const name of Object.keys(before)) {
    const here = [...path, name];
    if (Object.hasOwn(after, name)) compare(before[name], after[name], here, found);
    else tell(found, "removed", here, { from: before[name] });
  }
  for (const name of Object.keys(after)) {
    if (!Object.hasOwn(before, name)) tell(found, "added", [...path, name], { to: after[name] });
  }
}

function compareLists(before, after, path, found) {
  const { moved, removed, added, paired } = alignment(before, after);
  for (const [from, to] of paired) compare(before[from], after[to], [...path, to], found);
  for (const [from, to] of moved) tell(found, "moved", [...path, to], { to: after[to], wasAt: from });
  for (const at of removed) tell(found, "removed", [...path, at], { from: before[at] });
  for (const at of added) tell(found, "added", [...path, at], { to: after[at] });
}
