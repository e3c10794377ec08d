/** Which records a command shows, in which order, and what of them. */
import { isTerminal, ROWS } from "../terminal/size.mjs";
import { parseFilters, parseQuery } from "./conditions.mjs";
import { parseCount } from "./moments.mjs";
import { UsageError } from "./usage-error.mjs";

const limitOption = {
  limit: {
    type: "string",
    short: "n",
    value: "n",
    help: `at most this many, or "all"; on a terminal ${ROWS} by default`,
  },
};

export const whereOption = {
  where: {
    type: "string",
    short: "w",
    multiple: true,
    value: "condition",
    help: "field=value, also with != < <= > >= or ~ for a pattern; or a query in JSON; if repeated, all must hold",
  },
};

export const selectionOptions = {
  ...whereOption,
  sort: {
    type: "string",
    short: "s",
    value: "fields",
    help: "order by these fields; -due puts the greatest first",
  },
  fields: { type: "string", value: "names", help: "show only these fields, each in a column" },
  ...limitOption,
  skip: { type: "string", value: "n", help: "leave out the first n" },
};

function names(text, option) {
  if (text === undefined) return undefined;
  const found = text.split(",").map((name) => name.trim());
  if (found.includes("") || found.includes("-"))
    throw new UsageError(`--${option} takes names of fields with commas between them`);
  return found;
}

function parseSort(text) {
  const sort = {};
  for (const name of names(text, "sort") ?? []) {
    const isDown = name.startsWith("-");
    sort[isDown || name.startsWith("+") ? name.slice(1) : name] = isDown ? -1 : 1;
  }
  return Object.keys(sort).length === 0 ? undefined : sort;
}

/** The number of `--limit`; without one, what a terminal has room for, unless a program reads. */
function parseLimit({ limit, json = false }) {
  if (limit === "all") return Infinity;
  if (limit === undefined) return isTerminal && !json ? ROWS : Infinity;
  if (limit === "0") throw new UsageError('--limit takes a positive integer or "all", not "0"');
  return parseCount(limit, "--limit");
}

/** What the options of a command say: `{ query, matches, sort, fields, limit, skip, ... }`. */
export function parseSelection(values, conditions = []) {
  const { where = [], filter = [], sort, fields, skip } = values;
  const texts = [...conditions, ...where];
  return {
    query: parseQuery(texts),
    matches: parseFilters(filter),
    hasFilter: filter.length > 0,
    sort: parseSort(sort),
    fields: names(fields, "fields"),
    limit: parseLimit(values),
    skip: skip === undefined || skip === "0" ? 0 : parseCount(skip, "--skip"),
    hasQuery: texts.length > 0,
  };
}
