/** Operations in short: what a feed and a list of them show. */
import { isSame } from "../differences/same.mjs";

/** So many fields that changed are named. */
const MOST_FIELDS = 8;
/** Records with more fields than this are not compared for a list. */
const MOST_COMPARED = 2000;

export const KINDS = ["created", "updated", "deleted", "undone"];

/** What an operation did to its record. */
export function kindOf({ type, before }) {
  if (type === "undone") return "undone";
  if (type === "delete") return "deleted";
  return before === null || before === undefined ? "created" : "updated";
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** The names of the fields that an update changed, the first few of them, and how many there are. */
function changedFields({ before, value }) {
  if (!isObject(before) || !isObject(value)) return { fields: [], fieldCount: 0 };
  const names = new Set([...Object.keys(before), ...Object.keys(value)]);
  if (names.size > MOST_COMPARED) return { fields: [], fieldCount: 0 };
  const changed = [...names].filter(
    (name) =>
      Object.hasOwn(before, name) !== Object.hasOwn(value, name) || !isSame(before[name], value[name]),
  );
  return { fields: changed.slice(0, MOST_FIELDS), fieldCount: changed.length };
}

/** An operation without its values. */
export function summaryOf(change) {
  const { position, ts, id, agent, clock, batch, after } = change;
  const kind = kindOf(change);
  const fields = kind === "updated" ? changedFields(change) : {};
  return { position, ts, kind, id, agent, clock, batch, after, ...fields };
}
