/** `--filter field=value`: which records are meant. */
import { isDeepStrictEqual } from "node:util";
import { UsageError } from "./arguments.mjs";

function parseValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The value of a field, of a field in a field with dots between; `undefined` if it is not there. */
function fieldOf(value, names) {
  for (const name of names) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** A predicate for records, from `field=value` texts that must all hold. A value is JSON, or else plain text. */
export function parseFilters(texts = []) {
  const filters = texts.map((text) => {
    const at = text.indexOf("=");
    if (at <= 0) throw new UsageError(`--filter takes field=value, not "${text}"`);
    const wanted = text.slice(at + 1);
    return { names: text.slice(0, at).split("."), values: [parseValue(wanted), wanted] };
  });
  return (value) =>
    filters.every(({ names, values }) => {
      const found = fieldOf(value, names);
      return values.some((wanted) => isDeepStrictEqual(found, wanted));
    });
}
