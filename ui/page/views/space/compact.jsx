/** The button that compacts the store, with its progress. */
import { useState } from "preact/hooks";
import { call } from "../../server/calls.js";
import { useEvents } from "../../hooks.js";
import { counted } from "../../text/numbers.js";
import { Icon } from "../../parts/icon.jsx";
import { Failure, Progress } from "../../parts/notice.jsx";

export function Compact({ done }) {
  const [state, setState] = useState({ step: "idle" });
  useEvents("compact", (progress) =>
    setState((before) => (before.step === "busy" ? { ...before, progress } : before)),
  );
  const compact = async () => {
    setState({ step: "busy" });
    try {
      setState({ step: "done", ...(await call("compact")) });
      done();
    } catch (error) {
      setState({ step: "idle", error });
    }
  };
  return (
    <div class="compact">
      <button type="button" class="button" disabled={state.step === "busy"} onClick={compact}>
        <Icon name="press" />
        {state.step === "busy" ? "Compacting …" : "Compact"}
      </button>
      {state.step === "busy" && state.progress && (
        <Progress label="Compacting" done={state.progress.done} total={state.progress.total} />
      )}
      {state.step === "done" && (
        <p class="good" role="status">
          <Icon name="check" /> A snapshot of {counted(state.records, "record")} is written; it takes in{" "}
          {counted(state.operations, "operation")} of the log.
        </p>
      )}
      <Failure error={state.error} />
    </div>
  );
}
