/** What can be done with the chosen records, or with all that the table shows. */
import { useState } from "preact/hooks";
import { exported } from "../../server/calls.js";
import { download } from "../../browser/clipboard.js";
import { Icon } from "../../parts/icon.jsx";
import { counted } from "../../text/numbers.js";

export function Selection({ chosen, clear, wanted, total, columns, onFailure }) {
  const [isBusy, setBusy] = useState(false);
  const save = async (format) => {
    setBusy(true);
    try {
      const what = chosen.size > 0 ? { ids: [...chosen], at: wanted.at } : wanted;
      download(`records.${format}`, await exported({ ...what, columns, format }));
    } catch (error) {
      onFailure(error);
    }
    setBusy(false);
  };
  const what = chosen.size > 0 ? counted(chosen.size, "record") : total > 0 ? "all shown" : "nothing";
  return (
    <div class={`selection ${chosen.size > 0 ? "some" : ""}`}>
      {chosen.size > 0 && (
        <>
          <strong>{counted(chosen.size, "record")} chosen</strong>
          <button type="button" class="link" onClick={clear}>
            Clear
          </button>
          <span class="spread" />
        </>
      )}
      <span class="button-pair" role="group" aria-label={`Export ${what}`}>
        <button
          type="button"
          class="button"
          disabled={isBusy || total === 0}
          onClick={() => save("jsonl")}
          title={`Export ${what} as lines of JSON`}
        >
          <Icon name="down" />
          {isBusy ? "Exporting …" : chosen.size > 0 ? "JSON" : "Export"}
        </button>
        <button
          type="button"
          class="button"
          disabled={isBusy || total === 0}
          onClick={() => save("csv")}
          title={`Export ${what} as CSV`}
        >
          CSV
        </button>
      </span>
    </div>
  );
}
