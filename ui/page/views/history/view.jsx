/** The history of one record, or the records that were changed last. */
import { useState } from "preact/hooks";
import { useCall, useChanged } from "../../hooks.js";
import { go, hrefOf } from "../../browser/route.js";
import { CopyButton } from "../../parts/button.jsx";
import { Icon } from "../../parts/icon.jsx";
import { Empty, Failure, Loading } from "../../parts/notice.jsx";
import { OperationLine } from "../../parts/operation.jsx";
import { Id } from "../../parts/text.jsx";
import { Timeline } from "./timeline.jsx";
import { Version } from "./version.jsx";

const WIDE = matchMedia("(min-width: 1000px)");

function Find() {
  const [typed, setTyped] = useState("");
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (typed !== "") go("history", { id: typed });
      }}
    >
      <Icon name="search" />
      <input
        type="text"
        class="mono"
        dir="auto"
        spellcheck={false}
        autocomplete="off"
        aria-label="The id of a record"
        placeholder="The id of a record, also of one that was deleted"
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <button type="submit" class="button">
        Show
      </button>
    </form>
  );
}

function Recent() {
  const { data, error, reload } = useCall("last", { limit: 40 });
  useChanged(reload);
  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="Reading the last operations" />;
  return (
    <section class="card fills">
      <h2>Last operations</h2>
      {data.operations.length === 0 ? (
        <Empty icon="history" title="No operation yet">
          What a program does from now on is kept here.
        </Empty>
      ) : (
        <ol class="feed" tabIndex={0} aria-label="Last operations">
          {data.operations.map((operation) => (
            <OperationLine key={operation.position} operation={operation} />
          ))}
        </ol>
      )}
    </section>
  );
}

export function HistoryView({ args, overview }) {
  const { id } = args;
  const [opened, setOpened] = useState({ id: null, position: null, operation: null });
  const isMine = opened.id === id && opened.position !== null;
  if (id === undefined || id === "") {
    return (
      <div class="view padded">
        <div class="tools">
          <Find />
        </div>
        <Recent />
      </div>
    );
  }
  return (
    <div class={`view history ${isMine ? "with-version" : ""}`}>
      <div class="history-head">
        <a class="icon-button" href={hrefOf("history")} aria-label="Other records">
          <Icon name="back" />
        </a>
        <h2 class="panel-id">
          <Id value={id} />
        </h2>
        <CopyButton text={id} label="Copy the id" />
        <span class="spread" />
        <a class="link" href={hrefOf("records", { id })}>
          Show the record
        </a>
      </div>
      <div class="history-columns">
        <Timeline
          key={id}
          id={id}
          overview={overview}
          isNarrow={!WIDE.matches}
          opened={isMine ? opened.position : null}
          setOpened={(position, operation) => setOpened({ id, position, operation })}
        />
        {WIDE.matches && (
          <section class="history-version" aria-label="The record at an operation">
            {isMine ? (
              <Version key={opened.position} id={id} operation={opened.operation} overview={overview} />
            ) : (
              <Empty icon="history" title="Choose an operation">
                The record as it was then is shown here.
              </Empty>
            )}
          </section>
        )}
      </div>
    </div>
  );
}
