/** A slider over the time that is shown: how many records there were, and the way to them. */
import { useCall, useSettled } from "../../hooks.js";
import { counted, moment } from "../../text/numbers.js";
import { hrefOf } from "../../browser/route.js";
import { Icon } from "../../parts/icon.jsx";
import { Failure } from "../../parts/notice.jsx";

const STEPS = 1000;

/** Operations up to a time, as far as the buckets tell. */
function until(stacks, time) {
  let sum = 0;
  stacks.times.forEach((start, at) => {
    if (start <= time) for (const { counts } of stacks.series) sum += counts[at];
  });
  return sum;
}

export function AsOf({ since, until: end, isToNow, stacks, at, choose, records }) {
  const time = Math.min(end, Math.max(since, at ?? end));
  const settled = useSettled(time);
  const isNow = at === undefined || (isToNow && at >= end);
  const { data, error, isLoading, isFresh } = useCall(
    "past",
    isNow ? null : { at: new Date(settled).toISOString() },
  );
  const step = Math.round(((time - since) / Math.max(1, end - since)) * STEPS);
  const total = until(stacks, Infinity);
  const iso = new Date(time).toISOString();
  return (
    <section class="card as-of-card" aria-label="The store at a time">
      <div class="card-head">
        <h2>The store as of</h2>
        <output class="as-of-time">{isNow ? "now" : moment(time)}</output>
      </div>
      <input
        type="range"
        class="slider"
        min={0}
        max={STEPS}
        value={step}
        aria-label="The store as of"
        aria-valuetext={isNow ? "now" : moment(time)}
        onInput={(event) => {
          const value = Number(event.currentTarget.value);
          choose(value === STEPS && isToNow ? undefined : since + ((end - since) * value) / STEPS);
        }}
      />
      <Failure error={error} />
      <div class="facts">
        <p>
          <strong>
            {isNow
              ? counted(records ?? 0, "record")
              : data && isFresh && !isLoading
                ? counted(data.records, "record")
                : "…"}
          </strong>
          <span class="quiet">
            {isNow ? "Move the slider to look at an earlier time." : `${counted(records ?? 0, "record")} now`}
          </span>
        </p>
        {!isNow && (
          <p>
            <strong>{counted(total - until(stacks, time), "operation")}</strong>
            <span class="quiet">since then{isToNow ? "" : ", of those shown"}</span>
          </p>
        )}
        <span class="spread" />
        <a class="button" href={hrefOf("records", isNow ? {} : { at: iso })}>
          <Icon name="records" />
          Browse the records {isNow ? "" : "as of then"}
        </a>
      </div>
    </section>
  );
}
