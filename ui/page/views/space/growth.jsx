/** The bytes that there are, by the time at which their files were written. */
import { useCallback, useMemo } from "preact/hooks";
import UPlot from "uplot";
import { Chart, colour } from "../../parts/chart.jsx";
import { bytes, moment } from "../../text/numbers.js";

const stepped = UPlot.paths.stepped({ align: 1 });

export function Growth({ points }) {
  const data = useMemo(() => {
    const now = Math.max(Date.now(), points.at(-1)?.[0] ?? 0);
    const all = [...points, [now, points.at(-1)?.[1] ?? 0]];
    return [all.map(([time]) => time / 1000), all.map(([, total]) => total)];
  }, [points]);
  const build = useCallback(
    () => ({
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
      series: [
        {},
        {
          paths: stepped,
          stroke: colour("accent"),
          width: 2,
          fill: colour("accent-soft"),
          points: { show: false },
        },
      ],
    }),
    [],
  );
  const [first] = points;
  return (
    <Chart
      data={data}
      build={build}
      height={180}
      label={`From ${first ? moment(first[0]) : "the beginning"} on, up to ${bytes(points.at(-1)?.[1] ?? 0)}`}
      axis={{ y: { size: 70, values: (_, values) => values.map((value) => bytes(value)) } }}
    />
  );
}
