/** Where the bytes are: one bar, and a table that says what each part is for. */
import { bytes, counted, percent } from "../../text/numbers.js";

export const PARTS = [
  ["snapshot", "Current snapshot", "The records as of the last checkpoint."],
  ["log", "Live log", "The operations since then, of all writers."],
  ["sealed", "Sealed logs", "The history: operations before the last checkpoint."],
  ["superseded", "Superseded snapshots", "Snapshots that a newer one has replaced."],
  ["archives", "Archives", "Records that were moved out of the store."],
  ["indexes", "Indexes", "Derived from the other files, and made again when missing."],
  ["other", "Other", "The manifest, locks, notes, what was set aside, blobs."],
];

export function BytesBar({ usage }) {
  const total = PARTS.reduce((sum, [key]) => sum + usage[key].bytes, 0);
  return (
    <>
      <div
        class="bytes-bar"
        role="img"
        aria-label={PARTS.map(([key, title]) => `${title} ${bytes(usage[key].bytes)}`).join(", ")}
      >
        {PARTS.filter(([key]) => usage[key].bytes > 0).map(([key]) => (
          <span key={key} class={`bytes-part fill-part-${key}`} style={{ flexGrow: usage[key].bytes }} />
        ))}
      </div>
      <table class="plain">
        <thead class="unseen">
          <tr>
            <th scope="col">Part</th>
            <th scope="col">What it is for</th>
            <th scope="col">Files</th>
            <th scope="col">Bytes</th>
            <th scope="col">Share</th>
          </tr>
        </thead>
        <tbody>
          {PARTS.map(([key, title, what]) => (
            <tr key={key} class={usage[key].files === 0 ? "none" : ""}>
              <th scope="row">
                <span class={`swatch fill-part-${key}`} aria-hidden="true" />
                {title}
              </th>
              <td class="quiet wide-only">{what}</td>
              <td class="number quiet">{counted(usage[key].files, "file")}</td>
              <td class="number">{bytes(usage[key].bytes)}</td>
              <td class="number quiet wide-only">{total > 0 ? percent(usage[key].bytes / total) : "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
