/** Times, places in the history and numbers, as they stand on a command line. */
import { UsageError } from "./usage-error.mjs";

// NOTE: what else `Date` takes for a time it guesses: of "yesterday 5" it makes the first of May, of the 30th of February
// the second of March.
const TIME = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** What a time may be, for help texts. */
export const TIMES =
  "A time is a day (2026-01-31), a time of day in UTC (2026-01-31T12:00), or how long ago it was: 90s, 15m, 1h30m, 7d, 2w.";
export const PLACES = `${TIMES} A position, as log --json prints it, is one too.`;

function isoTime(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** A time of day without a zone is one in UTC, as operations have it. */
const inUtc = (text) => (/T[^Z+-]*$/.test(text) ? `${text}Z` : text);

/** A point in time as operations have it. */
function parseTime(text) {
  const [, day] = TIME.exec(text) ?? [];
  const time = isoTime(inUtc(text));
  if (time === undefined || day === undefined || !isoTime(day)?.startsWith(day))
    throw new UsageError(`"${text}" is no time; try 2026-01-31T12:00:00Z, or 1h for an hour ago`);
  return time;
}

const MILLISECONDS = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };
// The greatest unit first, each once. Some programs want a dash before a time that is past.
const AGO = /^-?(?=\d)(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/;

/** A point in time, or how long ago it was: `90s`, `15m`, `1h30m`, `7d`, with a dash or without one. */
export function parseMoment(text) {
  const numbers = AGO.exec(text)?.slice(1);
  if (numbers === undefined) return parseTime(text);
  const units = Object.values(MILLISECONDS);
  const ago = numbers.reduce((sum, number, at) => sum + Number(number ?? 0) * units[at], 0);
  const time = isoTime(Date.now() - ago);
  if (time === undefined) throw new UsageError(`"${text}" is too long ago`);
  return time;
}

/** A place in the history: a position, or a point in time. */
export function parsePlace(text) {
  return /^p\d/.test(text) ? text : parseMoment(text);
}

/** A positive integer; `undefined` if none is given. */
export function parseCount(text, name) {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UsageError(`${name} takes a positive integer, not "${text}"`);
  return Number(text);
}
