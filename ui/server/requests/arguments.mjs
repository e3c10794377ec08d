/** Checks what a page asks with. What it does not name is undefined; what is wrong is refused. */
import { Refused } from "./errors.mjs";

const MOST_NUMBER = Number.MAX_SAFE_INTEGER;
const isPlain = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

const checks = {
  id: (value) => typeof value === "string" && value !== "",
  text: (value) => typeof value === "string",
  number: (value) => Number.isSafeInteger(value) && value >= 0,
  time: (value) => Number.isFinite(value) && Math.abs(value) <= 8.64e15,
  object: isPlain,
  sort: (value) => isPlain(value) && Object.values(value).every((way) => way === 1 || way === -1),
  names: (value) => isTexts(value, 300),
  ids: (value) => isTexts(value, 100_000),
  yes: (value) => typeof value === "boolean",
  format: (value) => value === "jsonl" || value === "csv",
};

function isTexts(value, most) {
  return Array.isArray(value) && value.length <= most && value.every((each) => typeof each === "string");
}

/** The arguments that a call takes, each by the name of its check; one that ends with "!" must be there. */
export function checked(given, wanted) {
  const out = {};
  for (const [name, check] of Object.entries(wanted)) {
    const value = given[name];
    const kind = check.replace("!", "");
    if (value === undefined || value === null) {
      if (check.endsWith("!")) throw new Refused(400, `"${name}" is missing.`);
      continue;
    }
    if (!checks[kind](value) || value > MOST_NUMBER) throw new Refused(400, `"${name}" cannot be that.`);
    out[name] = value;
  }
  return out;
}
