/** The operations between two times, a page at a time. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { call } from "../../server/calls.js";
import { moment } from "../../text/numbers.js";
import { IconButton } from "../../parts/button.jsx";
import { Empty, Failure, Loading } from "../../parts/notice.jsx";
import { OperationLine } from "../../parts/operation.jsx";

const PAGE = 100;

export function Operations({ since, until, kind, close }) {
  const [state, setState] = useState({ operations: [], next: undefined, error: null, isLoading: true });
  const load = useCallback(
    async (before, next) => {
      setState({ operations: before, next, error: null, isLoading: true });
      try {
        const answer = await call("operations", {
          since,
          until,
          after: next,
          limit: PAGE,
          ...(kind && { kind }),
        });
        setState({
          operations: [...before, ...answer.operations],
          next: answer.next,
          error: null,
          isLoading: false,
        });
      } catch (error) {
        setState({ operations: before, next, error, isLoading: false });
      }
    },
    [since, until, kind],
  );
  useEffect(() => {
    load([], undefined);
  }, [load]);
  const { operations, next, error, isLoading } = state;
  const ref = useRef(null);
  // NOTE: before it is painted: what is under the pointer does not move later.
  useLayoutEffect(() => ref.current.scrollIntoView({ block: "nearest" }), [isLoading]);
  return (
    <section ref={ref} class="card" aria-label="Operations of the chosen time">
      <div class="card-head">
        <h2>
          {moment(since)} – {moment(until)}
        </h2>
        <span class="spread" />
        <IconButton icon="close" label="Close the list" onClick={close} />
      </div>
      <Failure error={error} retry={() => load(operations, next)} />
      {!isLoading && error === null && operations.length === 0 && (
        <Empty icon="time" title="No operation in this time" />
      )}
      {operations.length > 0 && (
        <ol class="feed" tabIndex={0} aria-label="Operations">
          {operations.map((operation) => (
            <OperationLine key={operation.position} operation={operation} />
          ))}
        </ol>
      )}
      {isLoading && <Loading what="Reading the operations" />}
      {!isLoading && next !== undefined && (
        <button type="button" class="button wide" onClick={() => load(operations, next)}>
          More operations
        </button>
      )}
    </section>
  );
}
