/** What went wrong, what is empty, and what is being done. */
import { Icon } from "./icon.jsx";
import { Text } from "./text.jsx";
import { number } from "../text/numbers.js";

const HINTS = {
  OPSLOG_CORRUPT: "Health checks every file and tells what helps.",
  OPSLOG_POSITION_GONE: "Reload to see the operations that are kept.",
  OPSLOG_LOCKED: "",
};

export function Failure({ error, retry }) {
  if (error === null || error === undefined) return null;
  const { code, message, path, offset } = error;
  return (
    <div class="notice bad" role="alert">
      <Icon name="warn" />
      <div>
        <p>
          <Text value={message} />
        </p>
        {path !== undefined && !message.includes(path) && (
          <p class="quiet mono">
            <Text value={path} />
            {offset !== undefined && `, byte ${number(offset)}`}
          </p>
        )}
        {HINTS[code] && <p class="quiet">{HINTS[code]}</p>}
      </div>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ icon = "records", title, children }) {
  return (
    <div class="blank">
      <Icon name={icon} size={30} />
      <p class="blank-title">{title}</p>
      {children && <div class="quiet">{children}</div>}
    </div>
  );
}

export function Loading({ what = "Loading" }) {
  return (
    <div class="loading" role="status">
      <span class="spinner" aria-hidden="true" />
      {what} …
    </div>
  );
}

export function Progress({ label, done, total }) {
  const share = total > 0 ? done / total : 0;
  return (
    <div class="progress">
      <progress aria-label={label} max={1} value={share} />
      <span class="quiet">{Math.floor(share * 100)} %</span>
    </div>
  );
}
