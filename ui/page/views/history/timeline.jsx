/** The operations on a record as a time line, each with what it changed; one of them can be opened. */
import { useState } from "preact/hooks";
import { ago, span, written } from "../../text/numbers.js";
import { Text } from "../../parts/text.jsx";
import { Agent, Kind } from "../../parts/operation.jsx";
import { Empty, Failure, Loading } from "../../parts/notice.jsx";
import { Differences } from "./differences.jsx";
import { useHistory } from "./use-history.js";
import { Version } from "./version.jsx";

/** Time that passed since the operation before, if it is worth telling. */
function Gap({ from, to }) {
  const passed = Date.parse(from) - Date.parse(to);
  if (!(passed >= 3_600_000)) return null;
  return (
    <li class="gap" aria-hidden="true">
      <span>{span(passed)} later</span>
    </li>
  );
}

function Entry({ operation, isOpen, isLast, open, id, overview, isNarrow }) {
  const { ts, kind, agent, clock: tick, batch, differences, differenceCount } = operation;
  return (
    <li class={`entry ${kind} ${isOpen ? "opened" : ""}`}>
      <span class="entry-dot" aria-hidden="true" />
      <div class="entry-body">
        <button type="button" class="entry-head" aria-expanded={isOpen} onClick={open}>
          <Kind kind={kind} />
          <time dateTime={ts} title={ts}>
            <Text value={written(ts)} most={40} />
          </time>
          <span class="quiet">{ago(ts)}</span>
          <span class="spread" />
          {isLast && <span class="tag">now</span>}
          {batch !== undefined && <span class="tag">batch</span>}
          {agent !== undefined && <Agent name={agent} clock={tick} />}
        </button>
        <Differences list={differences} count={differenceCount} none="The value is the same as before." />
        {isOpen && isNarrow && <Version id={id} operation={operation} overview={overview} />}
      </div>
    </li>
  );
}

export function Timeline({ id, overview, isNarrow, opened, setOpened }) {
  const [ownOpened, setOwnOpened] = useState(null);
  const { operations, hasMore, error, isLoading, more, reload } = useHistory(id);
  const current = opened === undefined ? ownOpened : opened;
  const set = setOpened ?? setOwnOpened;
  if (operations === null)
    return error ? <Failure error={error} retry={reload} /> : <Loading what="Reading the history" />;
  if (operations.length === 0) {
    return (
      <Empty icon="history" title="No operation is kept">
        The logs hold none on this record: they were pruned, or the record came with a snapshot.
      </Empty>
    );
  }
  return (
    <div class="timeline" tabIndex={0} role="region" aria-label="Operations on the record">
      <Failure error={error} retry={reload} />
      <ol class="entries">
        {operations.map((operation, n) => [
          n > 0 && <Gap key={`gap ${operation.position}`} from={operations[n - 1].ts} to={operation.ts} />,
          <Entry
            key={operation.position}
            operation={operation}
            isLast={n === 0}
            isOpen={current === operation.position}
            open={() => set(current === operation.position ? null : operation.position, operation)}
            id={id}
            overview={overview}
            isNarrow={isNarrow}
          />,
        ])}
      </ol>
      {hasMore && (
        <button type="button" class="button wide" disabled={isLoading} onClick={more}>
          {isLoading ? "Reading …" : "Older operations"}
        </button>
      )}
      {!hasMore && (
        <p class="quiet timeline-end">
          {operations.at(-1).kind === "created"
            ? "The record was created here."
            : "Older operations are not kept."}
        </p>
      )}
    </div>
  );
}
