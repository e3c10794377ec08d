/** Operations over time as stacked bars. A stretch that is drawn is looked at closer; a bar that is clicked leads to its operations. */
import { useCallback, useMemo } from "preact/hooks";
import UPlot from "uplot";
import { Chart, colour } from "../../parts/chart.jsx";
import { clock, counted, moment, number, span } from "../../text/numbers.js";
import { hueOf } from "../../parts/operation.jsx";
import { Text } from "../../parts/text.jsx";
import { drawnOf } from "./stacks.js";

const bars = UPlot.paths.bars({ size: [0.86, 220], align: 1, radius: 0 });

/** The name of a series' colour: an agent has the same one everywhere. */
export function colourOf(name, by) {
  if (by === "kind") return name;
  return name === null || name === "" ? "ink-3" : `hue-${hueOf(name)}`;
}

export function seriesName(name, by) {
  if (name === null) return "others";
  return by === "agent" && name === "" ? "without an agent" : name;
}

export function ActivityChart({ stacks, by, width, zoom, look, hover, mark }) {
  const data = useMemo(() => drawnOf(stacks), [stacks]);
  const build = useCallback(
    () => ({
      scales: {
        // NOTE: a bar begins at its time: the last one has its place behind it.
        x: { time: true, range: (_, first, last) => [first, last + width / 1000] },
        y: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] },
      },
      series: [
        {},
        ...stacks.series
          .map(({ name }) => ({
            paths: bars,
            points: { show: false },
            fill: colour(colourOf(name, by)),
            stroke: colour("panel"),
            width: stacks.times.length > 90 ? 0 : 1,
          }))
          .reverse(),
      ],
    }),
    [stacks, by, width],
  );
  const total = stacks.series.reduce((sum, { total: each }) => sum + each, 0);
  const label = `${counted(total, "operation")} over time, in steps of ${span(width)}: ${stacks.series
    .map(({ name, total: each }) => `${number(each)} ${seriesName(name, by)}`)
    .join(", ")}`;
  return (
    <Chart
      data={data}
      build={build}
      label={label}
      height={260}
      axis={{
        y: { values: (_, values) => values.map((value) => (Number.isInteger(value) ? number(value) : "")) },
      }}
      onHover={hover}
      mark={mark}
      onSelect={(from, to) => zoom(from * 1000, to * 1000)}
      onClick={(at) => look(stacks.times[at], stacks.times[at] + width - 1)}
    />
  );
}

/** What the colours mean, with the numbers of the bar under the pointer, or of all. */
export function Legend({ stacks, by, width, hovered }) {
  const time = hovered === null ? undefined : stacks.times[hovered];
  return (
    <ul class="legend">
      {stacks.series.map(({ name, total, counts }) => (
        <li key={String(name)}>
          <span class={`swatch fill-${colourOf(name, by)}`} aria-hidden="true" />
          <Text value={seriesName(name, by)} most={40} />
          <span class="quiet">{number(time === undefined ? total : counts[hovered])}</span>
        </li>
      ))}
      {time !== undefined && (
        <li class="quiet">
          {moment(time)} – {clock(time + width)}
        </li>
      )}
    </ul>
  );
}

/** The same as a table, for those who do not see the bars, and to choose a bar with the keyboard. */
export function ActivityTable({ stacks, by, width, look }) {
  const rows = stacks.times
    .map((time, at) => ({ time, counts: stacks.series.map(({ counts }) => counts[at]) }))
    .filter(({ counts }) => counts.some((count) => count > 0));
  return (
    <details class="as-table">
      <summary>As a table</summary>
      <div class="scrolls" tabIndex={0} role="region" aria-label="Operations over time">
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              {stacks.series.map(({ name }) => (
                <th scope="col" key={String(name)} class="number">
                  <Text value={seriesName(name, by)} most={40} />
                </th>
              ))}
              <th scope="col">
                <span class="unseen">Operations</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ time, counts }) => (
              <tr key={time}>
                <th scope="row">{moment(time)}</th>
                {counts.map((count, at) => (
                  <td key={at} class="number">
                    {number(count)}
                  </td>
                ))}
                <td>
                  <button type="button" class="link" onClick={() => look(time, time + width - 1)}>
                    Show
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
