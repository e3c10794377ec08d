/** What an operation changed, field by field. */
import { useState } from "preact/hooks";
import { counted } from "../../text/numbers.js";
import { pathText } from "../../text/json-lines.js";
import { Text } from "../../parts/text.jsx";
import { Preview } from "../../parts/value.jsx";

const FEW = 8;
const SIGNS = { added: "+", removed: "−", changed: "~", moved: "↕" };

function Difference({ difference }) {
  const { kind, path, from, to, wasAt } = difference;
  return (
    <li class={`difference ${kind}`}>
      <span class="difference-sign" aria-hidden="true">
        {SIGNS[kind]}
      </span>
      <span class="unseen">{kind}: </span>
      <span class="difference-path">
        {path.length === 0 ? "value" : <Text value={pathText(path)} most={160} />}
      </span>
      <span class="difference-values">
        {kind === "moved" ? (
          <>
            <span class="quiet">
              from {wasAt} to {path.at(-1)}{" "}
            </span>
            <Preview value={to} />
          </>
        ) : (
          <>
            {from && (
              <del>
                <Preview value={from} />
              </del>
            )}
            {from && to && (
              <span class="arrow" aria-label="to">
                →
              </span>
            )}
            {to && (
              <ins>
                <Preview value={to} />
              </ins>
            )}
          </>
        )}
      </span>
    </li>
  );
}

export function Differences({ list, count, none = "No field is different." }) {
  const [isWhole, setWhole] = useState(false);
  if (count === 0) return <p class="quiet">{none}</p>;
  const shown = isWhole ? list : list.slice(0, FEW);
  return (
    <>
      <ul class="differences">
        {shown.map((difference, n) => (
          <Difference key={n} difference={difference} />
        ))}
      </ul>
      {list.length > FEW && (
        <button type="button" class="link" onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Show fewer" : `Show ${counted(list.length - FEW, "more difference")}`}
        </button>
      )}
      {count > list.length && (
        <p class="quiet">{counted(count - list.length, "further difference")} not listed.</p>
      )}
    </>
  );
}
