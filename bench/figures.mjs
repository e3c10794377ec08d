/** The figures of the benchmark: their titles, which way is better, medians, and how a number is written. */

const common = {
  perSecond: "per second",
  p50Us: "p50, us",
  p99Us: "p99, us",
  maxMs: "longest, ms",
  loopDelayMs: "event-loop delay, ms",
  peakMemoryMb: "peak memory, MB",
  diskMb: "on disk, MB",
};

const higher = /PerSecond$|^perSecond$|^survived$/;
// Of these a table says what they are, and no store is better for it.
const plain = new Set(["calls", "sets", "loopBusyPercent"]);

/** The titles of the figures that a workload has, in the order of their columns. */
export function titlesOf(workload) {
  const own = workload.figures ?? {};
  const titles = {
    ...(workload.main === "perSecond" ? { perSecond: common.perSecond } : {}),
    ...own,
    ...common,
  };
  return Object.fromEntries(Object.entries(titles).filter(([key]) => !plain.has(key) || key in own));
}

export const higherIsBetter = (key) => higher.test(key);

/** How many times better the one value is than the other. */
export function timesBetter(key, value, other) {
  return higherIsBetter(key) ? value / other : other / value;
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The medians of what several runs found, with the least and the most. */
export function summarize(runs) {
  const summary = {};
  for (const key of Object.keys(runs[0])) {
    const values = runs.map((run) => run[key]).filter((value) => typeof value === "number");
    if (values.length === 0) continue;
    summary[key] = { median: median(values), least: Math.min(...values), most: Math.max(...values) };
  }
  return summary;
}

/** A number with three digits that count. */
export function show(value) {
  if (!Number.isFinite(value)) return "-";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

export function showTimes(ratio) {
  // A ratio far below 1 keeps two digits that count.
  if (ratio > 0 && ratio < 0.01) return `${ratio.toFixed(1 - Math.floor(Math.log10(ratio)))}x`;
  return `${show(ratio)}x`;
}
