/** The charts, as SVG: one for each workload, and one of the summary. */
import { higherIsBetter, show, titlesOf } from "./figures.mjs";
import { titleOf } from "./stores/index.mjs";
import { summaryChart } from "./summary.mjs";

const colours = { domain: ["this package", "another", "floor"], range: ["#d1495b", "#3d6b99", "#9a9a9a"] };
const canvas = { background: "white", padding: 10, config: { font: "sans-serif" } };
// From this ratio on the least would be a dot on the axis.
const LOGARITHMIC_FROM = 20;

function kindOf(workload, subject) {
  if (subject === "ours") return "this package";
  return subject in (workload.floors ?? {}) ? "floor" : "another";
}

function rowsOf(workload, results) {
  return Object.entries(results)
    .filter(([, { summary }]) => summary?.[workload.main])
    .map(([subject, { summary }]) => {
      const { median, least, most } = summary[workload.main];
      const name = { subject: titleOf(subject), kind: kindOf(workload, subject) };
      return { ...name, median, least, most, label: show(median) };
    });
}

/** The powers of ten around some values: grid lines enough for a logarithmic axis. */
function powersOfTen(values) {
  const exponents = values.filter((value) => value > 0).map(Math.log10);
  const [first, last] = [Math.floor(Math.min(...exponents)), Math.ceil(Math.max(...exponents))];
  return Array.from({ length: last - first + 1 }, (_, n) => 10 ** (first + n));
}

/** What all panels have on their axis. */
function axisOf(workload, panels) {
  const values = panels.flatMap(({ rows }) => rows).flatMap(({ least, most }) => [least, most]);
  const logarithmic =
    Math.max(...values) / Math.min(...values.filter((value) => value > 0)) > LOGARITHMIC_FROM;
  const better = higherIsBetter(workload.main) ? "more is better" : "less is better";
  const title = `${titlesOf(workload)[workload.main]}${logarithmic ? ", logarithmic" : ""}; ${better}`;
  const scale = { ...(logarithmic ? { type: "log" } : { zero: true }), padding: 40 };
  return { title, scale, ...(logarithmic && { values: powersOfTen(values) }) };
}

/** One store in each line: a dot for its median, a rule from its least to its most. */
function panelOf({ variant, rows }, { title, scale, values }, isLast) {
  const x = { type: "quantitative", scale, axis: { title: isLast ? title : null, values } };
  const y = { field: "subject", type: "nominal", title: null, sort: null };
  const color = { field: "kind", type: "nominal", scale: colours, legend: null };
  const dot = { type: "point", filled: true, size: 70, opacity: 1 };
  return {
    title: { text: variant, anchor: "start", fontSize: 11 },
    data: { values: rows },
    width: 460,
    height: { step: 20 },
    encoding: { y, color },
    layer: [
      { mark: { type: "rule" }, encoding: { x: { ...x, field: "least" }, x2: { field: "most" } } },
      { mark: dot, encoding: { x: { ...x, field: "median" } } },
      {
        mark: { type: "text", dx: 8, align: "left", fontSize: 10 },
        encoding: { x: { ...x, field: "median" }, text: { field: "label" } },
      },
    ],
  };
}

/** One panel for each variant, above one another. */
function dots(workload, found) {
  const panels = Object.entries(found)
    .map(([variant, results]) => ({ variant, rows: rowsOf(workload, results) }))
    .filter(({ rows }) => rows.length > 0);
  const axis = axisOf(workload, panels);
  const drawn = panels.map((panel, n) => panelOf(panel, axis, n === panels.length - 1));
  return { vconcat: drawn, spacing: 12, resolve: { scale: { x: "shared" } } };
}

/** One line for each figure, over the number of records. */
function lines(workload, found) {
  const titles = titlesOf(workload);
  const values = workload.variants.flatMap(({ name, records }) =>
    workload.chart.lines
      .filter((key) => found[name]?.ours?.summary?.[key])
      .map((key) => ({ records, figure: titles[key], median: found[name].ours.summary[key].median })),
  );
  const scale = { type: "log" };
  const sizes = workload.variants.map(({ records }) => records);
  const ticks = powersOfTen(values.map(({ median }) => median));
  return {
    data: { values },
    width: 520,
    height: 300,
    mark: { type: "line", point: true },
    encoding: {
      x: {
        field: "records",
        type: "quantitative",
        scale,
        title: "records, logarithmic",
        axis: { format: "~s", values: sizes },
      },
      y: {
        field: "median",
        type: "quantitative",
        scale,
        title: workload.chart.title,
        axis: { values: ticks },
      },
      color: { field: "figure", type: "nominal", title: null, sort: null },
    },
  };
}

/** What the chart shows, in the words of Vega-Lite. */
export function chartOf(workload, found) {
  const chart = workload.chart?.lines ? lines(workload, found) : dots(workload, found);
  return { title: `${workload.id}. ${workload.title}`, ...canvas, ...chart };
}

async function draw(chart) {
  const [{ compile }, { View, parse }] = await Promise.all([import("vega-lite"), import("vega")]);
  const view = new View(parse(compile(chart).spec), { renderer: "none" });
  return `${await view.toSVG()}\n`;
}

export const drawChart = (workload, found) => draw(chartOf(workload, found));

export const drawSummary = (compared) => draw(summaryChart(compared));
