/** A chart: uPlot in the colours of the page, as wide as there is room. */
import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import { useSize } from "../hooks.js";

/** The value of a colour of the page, in the light or in the dark, as a canvas takes it. */
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const DAY_BELOW = "\n{D} {MMM} {YYYY}";

/** How times stand below a chart, for each distance between two of them: with 24 hours, the day in the second line where it changes. */
const TIMES = [
  [31_536_000, "{YYYY}", null, null, null, null, null, null, 1],
  [2_419_200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86_400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", DAY_BELOW, null, "\n{D} {MMM}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", DAY_BELOW, null, "\n{D} {MMM}", null, null, null, 1],
  [
    0.001,
    ":{ss}.{fff}",
    `${DAY_BELOW} {HH}:{mm}`,
    null,
    "\n{D} {MMM} {HH}:{mm}",
    null,
    "\n{HH}:{mm}",
    null,
    1,
  ],
];

/** Puts the line that marks a place where it belongs. */
function placed(plot, line, mark) {
  if (plot === null || line === null) return;
  line.hidden = mark === undefined;
  if (mark !== undefined) line.style.left = `${plot.valToPos(mark, "x")}px`;
}

function axes(more = {}) {
  const common = {
    stroke: colour("ink-2"),
    font: `12px ${getComputedStyle(document.documentElement).getPropertyValue("--sans").trim()}`,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { stroke: colour("line"), width: 1, size: 5 },
  };
  return [
    { ...common, grid: { show: false }, values: TIMES, space: 72, ...more.x },
    { ...common, size: 56, ...more.y },
  ];
}

/**
 * `build()` gives uPlot's `series`, `bands`, `scales` and hooks; it is asked anew when the colours change. `onSelect(from, to)` is called
 * when a stretch was drawn, `onClick(index)` for a place, `onHover(index)` while the pointer is over one, `null` when it leaves. `mark` is a
 * place in seconds that has a line.
 */
export function Chart({ data, build, label, height = 240, onSelect, onClick, onHover, mark, axis }) {
  const [ref, { width }] = useSize();
  const plot = useRef(null);
  const latest = useRef({});
  latest.current = { onSelect, onClick, onHover, mark };
  const line = useRef(null);

  useEffect(() => {
    if (width === 0) return undefined;
    const draw = () => {
      plot.current?.destroy();
      const { hooks = {}, ...more } = build();
      const options = {
        width,
        height,
        padding: [12, 12, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false }, y: false },
        ...more,
        axes: axes(axis),
        hooks: {
          ...hooks,
          // NOTE: only what is drawn has places.
          draw: [(drawn) => placed(drawn, line.current, latest.current.mark)],
          setCursor: [(drawn) => latest.current.onHover?.(drawn.cursor.idx ?? null)],
          setSelect: [
            (drawn) => {
              const { left, width: wide } = drawn.select;
              if (wide > 4)
                latest.current.onSelect?.(drawn.posToVal(left, "x"), drawn.posToVal(left + wide, "x"));
              drawn.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            },
          ],
        },
      };
      line.current = document.createElement("div");
      line.current.className = "chart-mark";
      line.current.hidden = true;
      plot.current = new UPlot(options, data, ref.current);
      plot.current.over.append(line.current);
      plot.current.over.addEventListener("click", () => {
        const { idx } = plot.current.cursor;
        if (idx !== null && idx !== undefined) latest.current.onClick?.(idx);
      });
    };
    draw();
    addEventListener("opslog-theme", draw);
    return () => {
      removeEventListener("opslog-theme", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [data, width, height, build]);

  useEffect(() => placed(plot.current, line.current, mark), [mark]);

  return <div ref={ref} class="chart" role="img" aria-label={label} style={{ height: `${height}px` }} />;
}
