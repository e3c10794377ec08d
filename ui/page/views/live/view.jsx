/** What happens in the store now. */
import { useState } from "preact/hooks";
import { counted, number } from "../../text/numbers.js";
import { hueOf, OperationLine } from "../../parts/operation.jsx";
import { Icon } from "../../parts/icon.jsx";
import { Empty, Failure } from "../../parts/notice.jsx";
import { Text } from "../../parts/text.jsx";
import { useFeed } from "./feed.js";

const KINDS = ["created", "updated", "deleted", "undone"];
const MOST_AGENTS = 20;

function KindFilter({ kinds, setKinds, counts }) {
  const toggle = (kind) => {
    const next = new Set(kinds);
    if (!next.delete(kind)) next.add(kind);
    setKinds(next);
  };
  return (
    <div class="chips" role="group" aria-label="Kinds">
      {KINDS.map((kind) => (
        <button
          key={kind}
          type="button"
          class={`chip ${kind}`}
          aria-pressed={kinds.has(kind)}
          onClick={() => toggle(kind)}
        >
          <span class={`swatch fill-${kind}`} aria-hidden="true" />
          {kind}
          <span class="quiet">{number(counts[kind])}</span>
        </button>
      ))}
    </div>
  );
}

export function LiveView() {
  const [isPaused, setPaused] = useState(false);
  const [kinds, setKinds] = useState(() => new Set(KINDS));
  const [agent, setAgent] = useState(null);
  const [wanted, setWanted] = useState("");
  const { operations, counts, untold, error, isLoading, waiting, rate, clear } = useFeed(isPaused);
  const agents = [
    ...new Set(operations.map((operation) => operation.agent).filter((name) => name !== undefined)),
  ].sort();
  const shown = operations.filter(
    (operation) =>
      kinds.has(operation.kind) &&
      (agent === null || operation.agent === agent) &&
      operation.id.toLowerCase().includes(wanted.toLowerCase()),
  );
  const isFiltered = shown.length < operations.length;
  return (
    <div class="view padded live">
      <div class="tools">
        <button
          type="button"
          class={`button ${isPaused ? "strong" : ""}`}
          onClick={() => setPaused(!isPaused)}
        >
          <Icon name={isPaused ? "play" : "pause"} />
          {isPaused ? `Go on${waiting > 0 ? ` (${number(waiting)} more)` : ""}` : "Pause"}
        </button>
        <button type="button" class="button" onClick={clear}>
          Clear
        </button>
        <p class="count">
          <strong>{rate < 10 ? rate.toFixed(1) : number(Math.round(rate))}</strong> a second
        </p>
        <div class="search">
          <Icon name="search" />
          <input
            type="text"
            class="mono"
            dir="auto"
            aria-label="Part of an id"
            placeholder="Part of an id"
            spellcheck={false}
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </div>
        <KindFilter kinds={kinds} setKinds={setKinds} counts={counts} />
      </div>
      {agents.length > 0 && (
        <div class="chips" role="group" aria-label="Agents">
          <button type="button" class="chip" aria-pressed={agent === null} onClick={() => setAgent(null)}>
            all agents
          </button>
          {agents.slice(0, MOST_AGENTS).map((name) => (
            <button
              key={name}
              type="button"
              class="chip"
              aria-pressed={agent === name}
              onClick={() => setAgent(agent === name ? null : name)}
            >
              <span class={`swatch fill-hue-${hueOf(name)}`} aria-hidden="true" />
              <Text value={name} most={40} />
            </button>
          ))}
        </div>
      )}
      <Failure error={error} />
      <section class="card fills" aria-label="Operations">
        {shown.length === 0 ? (
          <Empty
            icon="live"
            title={
              isFiltered
                ? "Nothing that passes the filter"
                : isLoading
                  ? "Listening"
                  : "Nothing has happened yet"
            }
          >
            {isFiltered
              ? "Choose more kinds, or another id."
              : "Operations of all writers appear here within a moment."}
          </Empty>
        ) : (
          <ol class="feed" tabIndex={0} aria-label="Operations, newest first">
            {shown.map((operation, n) => (
              <OperationLine
                key={`${operation.position} ${operation.kind} ${operations.length - n}`}
                operation={operation}
              />
            ))}
          </ol>
        )}
        {untold > 0 && (
          <p class="quiet pad">{counted(untold, "operation")} came too fast to be listed one by one.</p>
        )}
      </section>
    </div>
  );
}
