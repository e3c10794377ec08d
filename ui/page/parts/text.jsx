/** Text of a store: shown as it is, whatever it holds; what is not seen has a mark. */
import { partsOf } from "../text/marks.js";

/** Longer texts are cut here: no one reads more on a line. */
const MOST = 4000;

export function Text({ value, most = MOST }) {
  const shown = value.length > most ? value.slice(0, most) : value;
  return (
    <bdi class="text">
      {partsOf(shown).map((part) =>
        typeof part === "string" ? (
          part
        ) : (
          <span class="mark" title={part.code}>
            {part.mark}
          </span>
        ),
      )}
      {value.length > most && <span class="cut">…</span>}
    </bdi>
  );
}

/** The name of a record. */
export function Id({ value, most = 300 }) {
  return (
    <span class="id" dir="auto">
      <Text value={value} most={most} />
    </span>
  );
}
