/** One record beside the table: its value, and its history. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { useCall, useChanged } from "../../hooks.js";
import { pathText } from "../../text/json-lines.js";
import { bytes } from "../../text/numbers.js";
import { hrefOf } from "../../browser/route.js";
import { Choice, CopyButton, IconButton } from "../../parts/button.jsx";
import { JsonView } from "../../parts/json-view.jsx";
import { Empty, Failure, Loading } from "../../parts/notice.jsx";
import { Id } from "../../parts/text.jsx";
import { Timeline } from "../history/timeline.jsx";

/** A condition that a path has a value, for the search; absent where a path cannot be written as one. */
function conditionOf(path, value) {
  const names = path.filter((step) => typeof step === "string");
  if (names.some((name) => /^\$|[.]/.test(name) || name === "")) return undefined;
  return `${JSON.stringify(names.join("."))}: ${JSON.stringify(value)}`;
}

function Value({ id, at, filter }) {
  const { data, error, reload, isFresh } = useCall("record", { id, ...(at && { at }) });
  useChanged(() => !at && reload());
  const json = data?.json;
  const value = useMemo(() => (typeof json === "string" ? JSON.parse(json) : undefined), [json]);
  if (error) return <Failure error={error} retry={reload} />;
  if (!data || !isFresh) return <Loading what="Reading the record" />;
  if (!data.exists) {
    return (
      <Empty title="There is no such record">
        {at ? "It was not there at that time." : "It was deleted. Its history shows what it was."}
      </Empty>
    );
  }
  if (json === null) return <Empty title="The record has no value" />;
  return (
    <>
      <div class="panel-tools">
        <span class="quiet">{bytes(new Blob([json]).size)} of JSON</span>
        <span class="spread" />
        <CopyButton
          text={() => JSON.stringify(value, null, 2)}
          label="Copy the record as JSON"
          shown="Copy JSON"
        />
      </div>
      <JsonView
        value={value}
        label="Fields of the record"
        filter={(path, scalar) => {
          const condition = conditionOf(path, scalar);
          if (condition !== undefined) filter(condition, pathText(path));
        }}
      />
    </>
  );
}

export function Panel({ id, at, tab, setTab, close, filter, overview }) {
  const [isClosing, setClosing] = useState(false);
  useEffect(() => {
    const escape = (event) => event.key === "Escape" && !event.defaultPrevented && close();
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, [close]);
  useEffect(() => setClosing(false), [id]);
  return (
    <section class={`panel ${isClosing ? "closing" : ""}`} aria-label="Record">
      <header class="panel-head">
        <h2 class="panel-id">
          <Id value={id} />
        </h2>
        <CopyButton text={id} label="Copy the id" />
        <span class="spread" />
        <IconButton icon="close" label="Close" onClick={close} />
      </header>
      <div class="panel-tabs">
        <Choice
          label="Show of the record"
          value={tab}
          onChange={setTab}
          options={[
            ["value", "Value"],
            ["history", "History"],
          ]}
        />
        <span class="spread" />
        <a class="link" href={hrefOf("history", { id })}>
          Open in History
        </a>
      </div>
      {tab === "history" ? (
        <Timeline key={id} id={id} overview={overview} isNarrow />
      ) : (
        <Value id={id} at={at} filter={filter} />
      )}
    </section>
  );
}
