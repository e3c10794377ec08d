/** What happened when: operations over time, a closer look at a stretch of it, and the store at any time. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { useCall, useChanged } from "../../hooks.js";
import { counted, moment, span } from "../../text/numbers.js";
import { amend } from "../../browser/route.js";
import { Choice } from "../../parts/button.jsx";
import { Icon } from "../../parts/icon.jsx";
import { Empty, Failure, Loading } from "../../parts/notice.jsx";
import { ActivityChart, ActivityTable, Legend } from "./activity-chart.jsx";
import { AsOf } from "./as-of.jsx";
import { Operations } from "./operations.jsx";
import { stacksOf } from "./stacks.js";

const BUCKETS = 120;
const READING_MS = 700;
const LEAST_ZOOM_MS = 2;

export function TimeView({ args, overview }) {
  const { by = "kind", since, until, at } = args;
  const [looked, setLooked] = useState(null);
  const [hovered, setHovered] = useState(null);
  const isZoomed = since !== undefined;
  const { data, error, reload } = useCall("activity", {
    buckets: BUCKETS,
    ...(isZoomed && { since, until }),
  });
  useChanged(reload, 1500);
  useEffect(() => {
    if (data?.state !== "reading") return undefined;
    const timer = setTimeout(reload, READING_MS);
    return () => clearTimeout(timer);
  }, [data]);
  const change = (more, options) => amend("time", more, options);
  const from = since ?? data?.first;
  const to = until ?? data?.last;
  const stacks = useMemo(
    () => (data && data.total > 0 ? stacksOf(data, by, from, to) : null),
    [data, by, from, to],
  );

  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="Reading the logs" />;
  if (data.total === 0) {
    return data.state === "done" ? (
      <Empty icon="time" title="No operation is kept">
        The logs hold none. What a program does from now on is shown here.
      </Empty>
    ) : (
      <Loading what="Reading the logs" />
    );
  }
  const zoom = (start, end) => {
    if (end - start >= LEAST_ZOOM_MS) change({ since: Math.round(start), until: Math.round(end) });
  };
  const zoomBy = (factor) => {
    const middle = (from + to) / 2;
    const half = Math.max(LEAST_ZOOM_MS, ((to - from) / 2) * factor);
    const [start, end] = [Math.max(data.first, middle - half), Math.min(data.last, middle + half)];
    if (start <= data.first && end >= data.last) change({ since: undefined, until: undefined });
    else zoom(start, end);
  };
  return (
    <div class="view padded">
      <section class="card" aria-label="Operations over time">
        <div class="card-head wraps">
          <h2>
            {counted(
              stacks.series.reduce((sum, { total }) => sum + total, 0),
              "operation",
            )}
          </h2>
          <span class="quiet">
            {moment(from)} – {moment(to)} · {span(Math.max(1, to - from))}
            {data.state === "reading" && " · still reading the logs"}
          </span>
          <span class="spread" />
          <Choice
            label="Stacked by"
            value={by}
            onChange={(next) => change({ by: next }, { replace: true })}
            options={[
              ["kind", "By kind"],
              ["agent", "By agent"],
            ]}
          />
          <span class="button-pair" role="group" aria-label="Zoom">
            <button
              type="button"
              class="button"
              disabled={to - from <= 2 * LEAST_ZOOM_MS}
              onClick={() => zoomBy(0.5)}
            >
              <Icon name="zoom" />
              Closer
            </button>
            <button type="button" class="button" disabled={!isZoomed} onClick={() => zoomBy(2)}>
              Farther
            </button>
            <button
              type="button"
              class="button"
              disabled={!isZoomed}
              onClick={() => change({ since: undefined, until: undefined })}
            >
              All
            </button>
          </span>
        </div>
        <ActivityChart
          stacks={stacks}
          by={by}
          width={data.width}
          zoom={zoom}
          hover={setHovered}
          mark={at === undefined ? undefined : at / 1000}
          look={(start, end) => setLooked({ since: start, until: end })}
        />
        <div class="card-foot">
          <Legend stacks={stacks} by={by} width={data.width} hovered={hovered} />
          <span class="spread" />
          <span class="quiet">Drag over a stretch to zoom, click a bar for its operations.</span>
        </div>
        <ActivityTable
          stacks={stacks}
          by={by}
          width={data.width}
          look={(start, end) => setLooked({ since: start, until: end })}
        />
      </section>
      {looked && (
        <Operations key={`${looked.since} ${looked.until}`} {...looked} close={() => setLooked(null)} />
      )}
      <AsOf
        since={from}
        until={to}
        isToNow={!isZoomed}
        stacks={stacks}
        at={at}
        choose={(time) => change({ at: time }, { replace: true })}
        records={overview.records}
      />
    </div>
  );
}
