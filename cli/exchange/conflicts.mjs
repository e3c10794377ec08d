/** `--on-conflict`: what becomes of a record that is there already. */
import { fieldOf } from "../arguments/conditions.mjs";
import { UsageError } from "../arguments/usage-error.mjs";

export const conflictOption = {
  "on-conflict": {
    type: "string",
    value: "how",
    help: "if the id exists: replace (default), skip, newer=<field> or fail",
    choices: ["replace", "skip", "newer=", "fail"],
  },
};

const isThere = (value) => value !== undefined && value !== null;

/** Whether a value is greater than another one of the same type. Any value is greater than none. */
function isGreater(value, other) {
  if (!isThere(value) || !isThere(other)) return isThere(value);
  if (typeof value !== typeof other) return false;
  return (typeof value === "string" || typeof value === "number") && value > other;
}

/**
 * Returns `true` if the record is to be written, `false` if it is to be left; throws if it must not be there. `undefined` is
 * returned for the rule itself where each record is written, so that none is looked up.
 */
export function parseConflict(text = "replace") {
  if (text === "replace") return undefined;
  if (text === "skip") return () => false;
  if (text === "fail")
    return (id) => {
      throw new Error(`record ${JSON.stringify(id)} exists`);
    };
  const [, field] = /^newer=(.+)$/s.exec(text) ?? [];
  if (field === undefined)
    throw new UsageError(`--on-conflict takes replace, skip, newer=<field> or fail, not "${text}"`);
  const names = field.split(".");
  return (id, data, there) => isGreater(fieldOf(data, names), fieldOf(there, names));
}
