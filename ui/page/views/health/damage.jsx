/** Damaged places, and what helps. */
import { number } from "../../text/numbers.js";
import { Command } from "../../parts/button.jsx";
import { Text } from "../../parts/text.jsx";
import { quoted } from "../space/view.jsx";

const MOST_SHOWN = 200;

const REMEDIES = {
  blank: "repair sets the line aside and overwrites it with line ends; it is skipped anyway.",
  cut: "repair sets the unfinished end aside and cuts it off.",
  rebuild: "repair sets the index aside and makes it again.",
};

function remedyOf({ remedy, current }) {
  if (remedy !== null) return REMEDIES[remedy];
  return current
    ? "repair cannot mend this. Restore the file from a backup, or let recover put a store together from what is sound."
    : "The store's state does not depend on this file.";
}

export function DamageList({ damage, count }) {
  return (
    <ol class="damage" aria-label="Damaged places">
      {damage.slice(0, MOST_SHOWN).map((place, n) => (
        <li key={n}>
          <p class="mono">
            <Text value={place.path} most={200} />
            <span class="quiet">{place.offset === null ? "" : `, byte ${number(place.offset)}`}</span>
            {place.current && <span class="tag bad">in force</span>}
          </p>
          <p>
            <Text value={place.what} />
          </p>
          <p class="quiet">{remedyOf(place)}</p>
        </li>
      ))}
      {count > Math.min(damage.length, MOST_SHOWN) && (
        <li class="quiet">
          {number(count - Math.min(damage.length, MOST_SHOWN))} further places are not listed.
        </li>
      )}
    </ol>
  );
}

/** The commands that help, for what was found. */
export function Help({ report, folder }) {
  const canRepair = report.damage.some(({ remedy }) => remedy !== null);
  const needsMore = report.damage.some(({ remedy, current }) => remedy === null && current);
  if (!canRepair && !needsMore) return null;
  const path = quoted(folder);
  return (
    <div class="help">
      <h3>What to do</h3>
      <p class="quiet">End all programs that write here, and make a copy of the folder first.</p>
      <div class="commands">
        {canRepair && <Command text={`npx opslog repair ${path}`} />}
        {needsMore && <Command text={`npx opslog recover ${path} ./recovered`} />}
      </div>
      {report.advice && (
        <p class="quiet">
          <Text value={report.advice} />
        </p>
      )}
    </div>
  );
}
