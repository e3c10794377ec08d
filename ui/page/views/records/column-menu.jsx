/** Which columns are shown: a list of those that the data has. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../parts/icon.jsx";
import { Text } from "../../parts/text.jsx";
import { percent } from "../../text/numbers.js";
import { titleOf } from "./columns.js";

export function ColumnMenu({ found, more, shown, onChange }) {
  const [isOpen, setOpen] = useState(false);
  const [wanted, setWanted] = useState("");
  const ref = useRef(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    const away = (event) => !ref.current.contains(event.target) && setOpen(false);
    const escape = (event) => event.key === "Escape" && setOpen(false);
    addEventListener("pointerdown", away);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("keydown", escape);
    };
  }, [isOpen]);
  const toggle = (name) =>
    onChange(shown.includes(name) ? shown.filter((each) => each !== name) : [...shown, name]);
  const listed = found.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
  return (
    <div class="menu-place" ref={ref}>
      <button
        type="button"
        class="button"
        aria-expanded={isOpen}
        aria-haspopup="dialog"
        aria-label="Columns"
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="columns" />
        <span class="wide-only">Columns</span>
      </button>
      {isOpen && (
        <div class="menu" role="dialog" aria-label="Columns">
          <div class="menu-head">
            <input
              class="field"
              type="search"
              placeholder="Find a field"
              aria-label="Find a field"
              value={wanted}
              onInput={(event) => setWanted(event.currentTarget.value)}
            />
            <button type="button" class="link" onClick={() => onChange(null)}>
              Reset
            </button>
          </div>
          <div class="menu-list">
            {listed.map(({ name, share }) => (
              <label key={name} class="menu-item">
                <input type="checkbox" checked={shown.includes(name)} onChange={() => toggle(name)} />
                <span class="menu-name">
                  <Text value={titleOf(name)} most={80} />
                </span>
                <span class="quiet">{percent(share)}</span>
              </label>
            ))}
            {listed.length === 0 && <p class="quiet pad">No field has that in its name.</p>}
            {more > 0 && <p class="quiet pad">{more} more fields are not listed.</p>}
          </div>
        </div>
      )}
    </div>
  );
}
