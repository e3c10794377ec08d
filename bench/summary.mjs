/** The first screen of the page: where this package is ahead and where behind, as ratios, in one table and one picture. */
import { showTimes, show, timesBetter, titlesOf } from "./figures.mjs";
import { storeNames, titleOf } from "./stores/index.mjs";

/** Which figures stand for a workload: its id, the variant, the figure, and what it is to a reader. */
export const rows = [
  ["W1", "180 B", "perSecond", "awaited `set()`"],
  ["W1", "2 KB", "perSecond", "awaited `set()`, 2 KB"],
  ["W2", "180 B", "perSecond", "awaited `set()`, each synced"],
  ["W2", "2 KB", "perSecond", "awaited `set()`, each synced, 2 KB"],
  ["W3", "180 B", "perSecond", "`get()` and awaited `set()`"],
  ["W3", "2 KB", "perSecond", "`get()` and awaited `set()`, 2 KB"],
  ["W4", "async, 180 B", "perSecond", "`set()` in async mode"],
  ["W4", "async, 2 KB", "perSecond", "`set()` in async mode, 2 KB"],
  ["W5", "180 B", "perSecond", "batches of 1,000"],
  ["W5", "2 KB", "perSecond", "batches of 1,000, 2 KB"],
  ["W6", "no fsync, 180 B", "perSecond", "1,000 sets in flight"],
  ["W6", "always, 180 B", "perSecond", "1,000 sets in flight, synced"],
  ["W7", "100 k", "perSecond", "`get()` of records looked at before"],
  ["W7", "100 k", "firstLookUs", "first `get()` of a record"],
  ["W8", "1 M", "openAndFirstMs", "open 1 M and `filter()`"],
  ["W8", "1 M", "warmMs", "`filter()` of 1 M, warm"],
  ["W9", "1 M", "openAndGetMs", "open 1 M and `get()`"],
  ["W10", "1 M", "compactMs", "`compact()` of 1 M beside sets"],
  ["W11", "1 M, 3,000 sets", "totalMs", "3,000 sets on 1 M, close"],
  ["W12", "100 k in 20 s", "cpuMs", "CPU of a follower"],
  ["W13", "4 x 5,000 sets", "ms", "four agents write"],
  ["W13", "open 4 logs of 100 k", "ms", "open four agents' logs"],
  ["W14", "as an agent", "perSecond", "`undo()` of an agent"],
  ["W15", "1 M", "processMs", "a process that sets one of 1 M"],
  ["W16", "100 records", "reopenMs", "reopen, set, close"],
  ["W19", "10 M in 500 logs", "firstMs", "history of one id in 10 M"],
  ["W20", "2 M in 100 logs", "perSecond", "`changes()` from the beginning"],
  ["W21", "1 M, 10 k back", "laterMs", "`at()` on 1 M"],
  ["W22", "1 M", "warmUs", "`find()` by an index, warm"],
  ["W22", "1 M", "firstMs", "`find()` by an index, after open"],
  ["W23", "1 M", "findMs", "`find()` without an index"],
  ["W24", "1 M", "laterMs", "sorted page, 10,000 skipped"],
  ["W25", "1 M", "firstMs", "`scan()` of a prefix, after open"],
  ["W26", "three indexes", "perSecond", "`set()` with three indexes"],
  ["W27", "memory", "firstFindMs", "agentdb: first find"],
  ["W27", "memory", "insertMs", "agentdb: 2,000 inserts"],
  ["W27", "memory", "closeMs", "agentdb: close"],
];

/** The best of other stores for a figure, or undefined. */
function bestPeer(found, figure) {
  return storeNames
    .filter((name) => !["ours", "original"].includes(name) && found[name]?.summary?.[figure])
    .map((name) => ({ name, value: found[name].summary[figure].median }))
    .reduce(
      (best, each) => (best && timesBetter(figure, best.value, each.value) >= 1 ? best : each),
      undefined,
    );
}

/** A row for each figure that was measured. */
export function comparisons(workloads, results) {
  return rows.flatMap(([id, variant, figure, title]) => {
    const workload = workloads.find((each) => each.id === id);
    const found = results[id]?.[variant];
    const ours = found?.ours?.summary?.[figure]?.median;
    if (workload === undefined || ours === undefined) return [];
    const peer = bestPeer(found, figure);
    const original = found.original?.summary?.[figure]?.median;
    return [
      {
        id,
        title,
        unit: titlesOf(workload)[figure],
        ours,
        peer: peer && { ...peer, times: timesBetter(figure, ours, peer.value) },
        original: original === undefined ? undefined : timesBetter(figure, ours, original),
      },
    ];
  });
}

const bold = (times) => (times < 1 ? `**${showTimes(times)}**` : showTimes(times));

/** The comparisons as a table; where this package is behind, the ratio is bold. */
export function summaryTable(compared) {
  const head = ["", "", "this package", "best peer", "", "against it", "against 0.8.1"];
  const lines = compared.map(({ id, title, unit, ours, peer, original }) => [
    `[${id}](performance/workloads.md#${id.toLowerCase()})`,
    `${title}, ${unit.split(", ").at(-1)}`,
    show(ours),
    peer ? show(peer.value) : "",
    peer ? titleOf(peer.name) : "",
    peer ? bold(peer.times) : "",
    original === undefined ? "" : bold(original),
  ]);
  return [head, ["---", "---", "---:", "---:", "---", "---:", "---:"], ...lines]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

const canvas = { background: "white", padding: 10, config: { font: "sans-serif" } };

/** The same as bars from 1, to the right where this package is ahead, for Vega-Lite. */
export function summaryChart(compared) {
  const values = compared
    .filter(({ peer }) => peer)
    .map(({ id, title, peer }) => ({
      what: `${id} ${title.replaceAll("`", "")}`,
      times: peer.times,
      one: 1,
      label: `${showTimes(peer.times)} ${titleOf(peer.name)}`,
      side: peer.times >= 1 ? "ahead" : "behind",
    }));
  const x = {
    type: "quantitative",
    scale: { type: "log", padding: 60 },
    title: "times as good as the best peer, logarithmic",
  };
  const y = { field: "what", type: "nominal", title: null, sort: null, axis: { labelLimit: 400 } };
  const color = {
    field: "side",
    type: "nominal",
    scale: { domain: ["ahead", "behind"], range: ["#2a7f62", "#d1495b"] },
    legend: null,
  };
  return {
    title: "This package beside the best of lmdb, better-sqlite3, classic-level and nedb",
    ...canvas,
    data: { values },
    width: 420,
    height: { step: 18 },
    encoding: { y },
    layer: [
      {
        mark: { type: "bar", height: 10 },
        encoding: { x: { ...x, field: "times" }, x2: { field: "one" }, color },
      },
      {
        transform: [{ filter: "datum.times >= 1" }],
        mark: { type: "text", dx: 6, align: "left", fontSize: 10 },
        encoding: { x: { ...x, field: "times" }, text: { field: "label" } },
      },
      {
        transform: [{ filter: "datum.times < 1" }],
        mark: { type: "text", dx: -6, align: "right", fontSize: 10 },
        encoding: { x: { ...x, field: "times" }, text: { field: "label" } },
      },
    ],
  };
}
