/** A record as it was behind an operation: its value, what is different now, and the way back to it. */
import { useMemo, useState } from "preact/hooks";
import { call } from "../../server/calls.js";
import { useCall, useChanged } from "../../hooks.js";
import { counted, moment } from "../../text/numbers.js";
import { hrefOf } from "../../browser/route.js";
import { Choice, CopyButton } from "../../parts/button.jsx";
import { Icon } from "../../parts/icon.jsx";
import { JsonView } from "../../parts/json-view.jsx";
import { Failure, Loading } from "../../parts/notice.jsx";
import { Differences } from "./differences.jsx";

const WORDS = {
  restore: { act: "Restore this version", short: "Restore", done: "Restored." },
  remove: { act: "Delete the record, as here", short: "Delete", done: "Deleted." },
};

function Restore({ id, operation, exists, isSame, reload }) {
  const words = exists ? WORDS.restore : WORDS.remove;
  const [state, setState] = useState({ step: "idle", error: null });
  const restore = async () => {
    setState({ step: "busy", error: null });
    try {
      const { changed } = await call("restore", { id, position: operation.position });
      setState({ step: "done", error: null, changed });
      reload();
    } catch (error) {
      setState({ step: "idle", error });
    }
  };
  if (isSame && state.step !== "done") return <p class="quiet">The record is like this now.</p>;
  return (
    <div class="restore">
      {state.step === "idle" && (
        <button type="button" class="button" onClick={() => setState({ step: "ask", error: null })}>
          <Icon name="undo" />
          {words.act}
        </button>
      )}
      {state.step === "ask" && (
        <p class="ask" role="alert">
          <span>
            {exists ? `Make the record what it was at ${moment(operation.ts)}?` : "Delete the record?"} This
            adds an operation; the history stays.
          </span>
          <button type="button" class="button strong" onClick={restore}>
            {words.short}
          </button>
          <button type="button" class="button" onClick={() => setState({ step: "idle", error: null })}>
            Cancel
          </button>
        </p>
      )}
      {state.step === "busy" && <Loading what="Restoring" />}
      {state.step === "done" && (
        <p class="good" role="status">
          <Icon name="check" /> {state.changed > 0 ? words.done : "It was like this already."}
        </p>
      )}
      <Failure error={state.error} />
    </div>
  );
}

export function Version({ id, operation, overview }) {
  const [tab, setTab] = useState("value");
  const { data, error, reload, isFresh } = useCall("version", { id, position: operation.position });
  useChanged(reload);
  const json = data?.json;
  const value = useMemo(() => (typeof json === "string" ? JSON.parse(json) : undefined), [json]);
  if (error) return <Failure error={error} retry={reload} />;
  if (!data || !isFresh) return <Loading what="Reading the version" />;
  return (
    <div class="version">
      <div class="panel-tools">
        <Choice
          label="Show of this version"
          value={tab}
          onChange={setTab}
          options={[
            ["value", "As of then"],
            ["now", `Compared with now${data.differenceCount > 0 ? ` (${data.differenceCount})` : ""}`],
          ]}
        />
        <span class="spread" />
        {typeof json === "string" && (
          <CopyButton
            text={() => JSON.stringify(value, null, 2)}
            label="Copy this version as JSON"
            shown="Copy JSON"
          />
        )}
      </div>
      {tab === "now" && (
        <div class="scrolls pad" tabIndex={0} role="region" aria-label="Compared with now">
          <Differences list={data.differencesToNow} count={data.differenceCount} none="It is the same now." />
        </div>
      )}
      {tab === "value" && data.exists && json !== null && (
        <JsonView value={value} label="Fields of this version" />
      )}
      {tab === "value" && !data.exists && <p class="pad quiet">The record was deleted here.</p>}
      <div class="version-foot">
        {overview.write ? (
          <Restore
            id={id}
            operation={operation}
            exists={data.exists}
            isSame={data.differenceCount === 0}
            reload={reload}
          />
        ) : (
          <p class="quiet">Read-only: start the page with --write to restore a version.</p>
        )}
        <span class="spread" />
        <a class="link" href={hrefOf("records", { at: operation.position })}>
          All records as of here
        </a>
      </div>
      {data.differenceCount > 0 && (
        <p class="unseen">{counted(data.differenceCount, "field")} different now</p>
      )}
    </div>
  );
}
