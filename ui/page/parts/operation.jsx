/** What an operation did, who made it, and lists of operations. */
import { ago, counted, written } from "../text/numbers.js";
import { hrefOf } from "../browser/route.js";
import { Id, Text } from "./text.jsx";

export function Kind({ kind }) {
  return <span class={`kind ${kind}`}>{kind}</span>;
}

/** A number from 0 to 5 for the colour of an agent: the same one everywhere. */
export function hueOf(name) {
  let sum = 7;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % 6;
}

export function Agent({ name, clock: tick }) {
  return (
    <span class={`agent hue-${hueOf(name)}`} title={tick === undefined ? undefined : `clock ${tick}`}>
      <Text value={name} most={40} />
    </span>
  );
}

function Fields({ operation }) {
  const { kind, fields = [], fieldCount = 0 } = operation;
  if (kind !== "updated" || fieldCount === 0) return null;
  return (
    <span class="feed-fields">
      {fields.map((name) => (
        <code key={name}>
          <Text value={name} most={40} />
        </code>
      ))}
      {fieldCount > fields.length && (
        <span class="quiet">and {counted(fieldCount - fields.length, "more")}</span>
      )}
    </span>
  );
}

/** An operation on one line, which leads to the record's history. */
export function OperationLine({ operation }) {
  const { ts, kind, id, agent, clock: tick } = operation;
  return (
    <li class={`feed-line ${kind}`}>
      {ts === undefined ? (
        <span class="feed-time">–</span>
      ) : (
        <time class="feed-time" dateTime={ts} title={ago(ts)}>
          <Text value={written(ts)} most={40} />
        </time>
      )}
      <Kind kind={kind} />
      <a class="feed-id" href={hrefOf("history", { id })}>
        <Id value={id} most={120} />
      </a>
      <Fields operation={operation} />
      <span class="spread" />
      {agent !== undefined && <Agent name={agent} clock={tick} />}
    </li>
  );
}
