/** The check of every file of the store: its progress, a map of the files, and what to do about damage. */
import { useState } from "preact/hooks";
import { call } from "../../server/calls.js";
import { useCall, useEvents } from "../../hooks.js";
import { ago, bytes, counted, number, span } from "../../text/numbers.js";
import { Icon } from "../../parts/icon.jsx";
import { Failure, Loading, Progress } from "../../parts/notice.jsx";
import { Text } from "../../parts/text.jsx";
import { DamageList, Help } from "./damage.jsx";
import { FileMap } from "./file-map.jsx";

const STATES = {
  sound: "sound",
  damaged: "damaged",
  foreign: "not the store's",
  unchecked: "not checked yet",
};

function Verdict({ state, begin }) {
  const isRunning = state.state === "running";
  const report = state.report;
  const title = {
    new: "Not checked yet",
    running: "Checking every byte",
    failed: "The check did not come to its end",
    done: report?.ok ? "Sound" : `${counted(report?.damageCount ?? 0, "damaged place")}`,
  }[state.state];
  const tone = state.state === "done" ? (report.ok ? "good" : "bad") : state.state;
  return (
    <section class={`card verdict ${tone}`} aria-label="Result" aria-live="polite">
      <span class="verdict-mark" aria-hidden="true">
        <Icon
          name={tone === "good" ? "check" : tone === "bad" || tone === "failed" ? "warn" : "health"}
          size={26}
        />
      </span>
      <div class="verdict-text">
        <p class="figure">{title}</p>
        {state.state === "new" && (
          <p class="quiet">
            Reads every file: each line of each log and snapshot, and each entry of each index. A writer may
            be at work meanwhile.
          </p>
        )}
        {isRunning && (
          <Progress label="Checking" done={state.progress?.done ?? 0} total={state.progress?.total ?? 1} />
        )}
        {state.state === "done" && (
          <p class="quiet">
            {counted(report.files, "file")}, {bytes(report.bytes)} in {span(state.endedAt - state.startedAt)},{" "}
            {ago(state.endedAt)}
          </p>
        )}
      </div>
      <span class="spread" />
      <button type="button" class="button strong" disabled={isRunning} onClick={begin}>
        {state.state === "new" ? "Check all files" : isRunning ? "Checking …" : "Check again"}
      </button>
    </section>
  );
}

function Facts({ report }) {
  const facts = [
    ["records in snapshots", report.records],
    ["operations in logs", report.operations],
    ["archived records", report.archivedRecords],
    ["index entries", report.indexEntries],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dd>{number(value)}</dd>
          <dt>{name}</dt>
        </div>
      ))}
    </dl>
  );
}

function Files({ report, files }) {
  if (!files) return null;
  const foreign = report?.foreign ?? [];
  return (
    <section class="card" aria-label="Files">
      <div class="card-head wraps">
        <h2>Files</h2>
        <span class="spread" />
        <ul class="legend">
          {(report ? ["sound", "damaged", "foreign"] : ["unchecked"]).map((name) => (
            <li key={name}>
              <span class={`swatch block ${name}`} aria-hidden="true" />
              {STATES[name]}
            </li>
          ))}
        </ul>
      </div>
      <FileMap files={files} report={report} />
      {foreign.length > 0 && (
        <details>
          <summary>{counted(foreign.length, "file")} that no store has put there</summary>
          <ul class="mono quiet">
            {foreign.slice(0, 100).map((path) => (
              <li key={path}>
                <Text value={path} most={200} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

export function HealthView({ overview }) {
  const { data, error, reload } = useCall("health", {});
  const known = useCall("files", {});
  const [told, setTold] = useState(null);
  const [failure, setFailure] = useState(null);
  // NOTE: what is told by itself may overtake an answer.
  const take = (next) => setTold((before) => (before !== null && before.step > next.step ? before : next));
  useEvents("health", take);
  useEvents("missed", reload);
  const state = told !== null && told.step >= (data?.step ?? 0) ? told : data;
  if (error) return <Failure error={error} retry={reload} />;
  if (!state) return <Loading />;
  const begin = () => {
    setFailure(null);
    call("verify").then(take, setFailure);
  };
  const { report, files } = state;
  return (
    <div class="view padded">
      <Failure error={overview.failure} />
      <Verdict state={state} begin={begin} />
      <Failure error={failure ?? state.error} />
      {report && (
        <>
          <section class="card" aria-label="What was checked">
            <Facts report={report} />
          </section>
          {!report.ok && (
            <section class="card" aria-label="Damage">
              <h2>Damage</h2>
              <DamageList damage={report.damage} count={report.damageCount} />
              <Help report={report} folder={overview.folder} />
            </section>
          )}
        </>
      )}
      <Files report={report} files={files ?? known.data?.files} />
    </div>
  );
}
