/** Takes a command line apart: `node:util` does the parsing, what is wrong is said in words. */
import { parseArgs } from "node:util";

/** The command line is wrong. */
export class UsageError extends Error {}

const common = {
  json: { type: "boolean", help: "print JSON, for programs" },
  help: { type: "boolean", short: "h", help: "show this help" },
};

/** All options of a command. */
export function optionsOf(command) {
  return { ...command.options, ...common };
}

/** Returns `{ folder, operands, values }` of a command's arguments. */
export function parseCommand(command, args) {
  const options = Object.fromEntries(
    Object.entries(optionsOf(command)).map(([name, { type, short, multiple = false }]) => [
      name,
      { type, multiple, ...(short !== undefined && { short }) },
    ]),
  );
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    if (!String(error.code).startsWith("ERR_PARSE_ARGS")) throw error;
    throw new UsageError(error.message.split(". ")[0].split("\n")[0]);
  }
  const { values, positionals } = parsed;
  if (values.help) return { values };
  const wanted = ["folder", ...(command.operands ?? [])];
  const [folder, ...operands] = positionals;
  for (const [index, name] of wanted.entries()) {
    const isOptional = name.endsWith("?");
    if (!isOptional && (positionals[index] ?? "") === "") throw new UsageError(`<${name}> is missing`);
  }
  if (positionals.length > wanted.length) throw new UsageError(`what is "${positionals[wanted.length]}"?`);
  return { folder, operands, values };
}

// NOTE: what else `Date` takes for a time it guesses: of "yesterday 5" it makes the first of May, of the 30th of February
// the second of March.
const TIME = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

function isoTime(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** A point in time as operations have it. */
export function parseTime(text) {
  const [, day] = TIME.exec(text) ?? [];
  const time = isoTime(text);
  if (time === undefined || day === undefined || !isoTime(day)?.startsWith(day))
    throw new UsageError(`"${text}" is no time; try 2026-01-31T12:00:00Z`);
  return time;
}

const AGO = /^(\d{1,9})(s|m|h|d)$/;
const MILLISECONDS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A point in time, or how long ago it was: `90s`, `15m`, `1h`, `7d`. */
export function parseMoment(text) {
  const [, number, unit] = AGO.exec(text) ?? [];
  if (unit === undefined) return parseTime(text);
  const time = isoTime(Date.now() - Number(number) * MILLISECONDS[unit]);
  if (time === undefined) throw new UsageError(`"${text}" is too long ago`);
  return time;
}

/** A place in the history: a position, or a point in time. */
export function parsePlace(text) {
  return /^p\d/.test(text) ? text : parseMoment(text);
}

/** A positive integer. */
export function parseCount(text, name) {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new UsageError(`--${name} takes a positive integer, not "${text}"`);
  return Number(text);
}
