/** `--where` and `--filter`: which records are meant. */
import { isDeepStrictEqual } from "node:util";
import { UsageError } from "./usage-error.mjs";

/** A value is JSON, or else plain text. */
function parseValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The value of a field, of a field in a field with dots between; `undefined` if it is not there. */
export function fieldOf(value, names) {
  for (const name of names) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** A predicate for records, from `field=value` texts that must all hold. */
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

const COMPARISON = /^([^=!<>~]+)(>=|<=|!=|=|>|<|~)(.*)$/su;
const OPERATORS = { ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte" };

/** A text may stand for itself and for the JSON that it is: `5` is the number, and the text of it. */
function readings(text) {
  const value = parseValue(text);
  return value === text ? [text] : [value, text];
}

function comparison(text) {
  const [, name, operator, wanted] = COMPARISON.exec(text) ?? [];
  if (name === undefined)
    throw new UsageError(`a condition is a query such as {"done":true}, or field=value, not "${text}"`);
  const field = name.trim();
  if (operator === "~") return { [field]: { $regex: wanted, $options: "i" } };
  if (operator === "=") return { [field]: { $in: readings(wanted) } };
  if (operator === "!=") return { [field]: { $nin: readings(wanted) } };
  return { [field]: { [OPERATORS[operator]]: parseValue(wanted) } };
}

function query(text) {
  if (!/^\s*\{/.test(text)) return comparison(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the query ${text} is no JSON: ${error.message}`);
  }
}

/** A query from conditions that must all hold. */
export function parseQuery(texts = []) {
  const queries = texts.map(query);
  return queries.length === 1 ? queries[0] : queries.length === 0 ? {} : { $and: queries };
}
