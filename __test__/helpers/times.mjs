/** Texts that `Date.parse()` makes a time of, and that are none, or not for certain: they are refused wherever a time may be given. */
export const guessedTimes = [
  "0",
  "2026",
  "11/30/2026",
  "2026-11-30 17:00",
  "30 Nov 2026",
  "2026-02-30",
  "2026-02-30T12:00:00.000Z",
  "2026-02-29T23:00-02:00",
  "+002026-02-30",
  "2026-04-31",
  "-000000-01-01",
];
/** Texts that `Date.parse()` makes no time of. */
export const noTimes = [
  "",
  "never",
  "2026-13",
  "2026-00-01",
  "2026-01-32",
  "2026-01-31T25:00Z",
  "2026-01-31T12:60Z",
];
/** Times as texts, each with what `toISOString()` prints for it. */
export const isoTimes = [
  ["2024-02-29", "2024-02-29T00:00:00.000Z"],
  ["2026-02", "2026-02-01T00:00:00.000Z"],
  ["2026-01-31T12:00Z", "2026-01-31T12:00:00.000Z"],
  ["2026-01-31T23:30:00.5-02:00", "2026-02-01T01:30:00.500Z"],
  ["2026-01-31T24:00Z", "2026-02-01T00:00:00.000Z"],
  ["0000-01-01", "0000-01-01T00:00:00.000Z"],
  ["-000001-12-31", "-000001-12-31T00:00:00.000Z"],
];
