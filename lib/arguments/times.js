"use strict";

// The texts of times that callers may give, everywhere by one rule: what `toISOString()` prints, or a beginning of it. Everything else that
// Date.parse() takes, it guesses: of "0" it makes the year 2000, of the 30th of February the second of March.

const RealDate = Date;
/** With a zone other than UTC too. */
const ISO =
  /^(?<month>(?<year>\d{4}|[+-]\d{6})-\d\d)(-(?<day>\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?$/;

/** The milliseconds of a time given as text; `NaN` for a text that is none, and for a day that does not exist. */
function msOfText(text) {
  const { month, year, day } = ISO.exec(text)?.groups ?? {};
  if (month === undefined) return NaN;
  const date = new RealDate(day === undefined ? month : `${month}-${day}`);
  const exists = date.getUTCFullYear() === Number(year) && date.getUTCDate() === Number(day ?? 1);
  return exists ? RealDate.parse(text) : NaN;
}

module.exports = { msOfText };
