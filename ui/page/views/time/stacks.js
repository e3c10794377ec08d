/** Counts as stacked series: by what operations did, or by who made them. */

const KINDS = ["created", "updated", "deleted"];
const MOST_SERIES = 6;

const add = (map, key, number) => map.set(key, (map.get(key) ?? 0) + number);

/** The names of the series, those with most operations first, and the rest as one. */
function seriesOf(buckets, by) {
  if (by === "kind") return KINDS;
  const totals = new Map();
  for (const { counts } of buckets) for (const [, agent, number] of counts) add(totals, agent, number);
  const names = [...totals.keys()].sort((one, other) => totals.get(other) - totals.get(one));
  return names.length <= MOST_SERIES ? names : [...names.slice(0, MOST_SERIES - 1), null];
}

/**
 * `{ times, series: [{ name, counts, total }] }`; the name `null` stands for all others. A bucket without operations has zeros.
 */
export function stacksOf({ width, buckets }, by, since, until) {
  const names = seriesOf(buckets, by);
  const start = Math.floor(since / width) * width;
  const length = Math.max(1, Math.min(1000, Math.floor((until - start) / width) + 1));
  const times = Array.from({ length }, (_, n) => start + n * width);
  const series = names.map((name) => ({ name, counts: new Array(length).fill(0), total: 0 }));
  const others = names.indexOf(null);
  for (const { time, counts } of buckets) {
    const at = Math.round((time - start) / width);
    if (at < 0 || at >= length) continue;
    for (const [kind, agent, number] of counts) {
      const found = names.indexOf(by === "kind" ? kind : agent);
      const which = found === -1 ? others : found;
      if (which === -1) continue;
      series[which].counts[at] += number;
      series[which].total += number;
    }
  }
  return { times, series };
}

/** The data that uPlot draws: seconds, and for each series what stands up to its upper edge, the highest first. */
export function drawnOf({ times, series }) {
  const heights = new Array(times.length).fill(0);
  const edges = series.map(({ counts }) => counts.map((number, at) => (heights[at] += number)));
  return [times.map((time) => time / 1000), ...edges.reverse()];
}
