/** Numbers, sizes and times as people read them. */
const whole = new Intl.NumberFormat("en");

export const number = (value) => whole.format(value);

export const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function bytes(value) {
  let unit = 0;
  let left = value;
  while (left >= 1000 && unit < UNITS.length - 1) {
    left /= 1000;
    unit++;
  }
  return `${unit === 0 ? left : left.toFixed(left < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

export function percent(share) {
  return share > 0 && share < 0.01 ? "< 1 %" : `${Math.round(share * 100)} %`;
}

const two = (value) => String(value).padStart(2, "0");

/** A local day, such as 2026-11-29. */
export function day(time) {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** A local time of day. */
export function clock(time, { milliseconds = false } = {}) {
  const date = new Date(time);
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return milliseconds ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** The time of an operation in full; a text that is no time, which another program may have written, as it is. */
export function written(ts) {
  return Number.isNaN(Date.parse(ts)) ? ts : `${day(ts)} ${clock(ts, { milliseconds: true })}`;
}

export const moment = (time) => `${day(time)} ${clock(time)}`;

const STEPS = [
  [60_000, 1000, "second"],
  [3_600_000, 60_000, "minute"],
  [86_400_000, 3_600_000, "hour"],
  [86_400_000 * 45, 86_400_000, "day"],
  [86_400_000 * 700, 86_400_000 * 30.4, "month"],
  [Infinity, 86_400_000 * 365.25, "year"],
];

/** How long something took or lasts, in its largest unit. */
export function span(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const [, unit, noun] = STEPS.find(([limit]) => milliseconds < limit);
  return counted(Math.round(milliseconds / unit), noun);
}

/** How long ago a time was. */
export function ago(time, now = Date.now()) {
  const passed = now - new Date(time).getTime();
  if (Number.isNaN(passed)) return "at no time";
  if (passed < -1000) return `in ${span(-passed)}`;
  return passed < 1500 ? "just now" : `${span(passed)} ago`;
}
