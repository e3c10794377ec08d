/** Which view is shown, and of what: it stands in the address behind `#`, so that "back" and bookmarks work. */
import { useEffect, useState } from "preact/hooks";

/** NOTE: ids may hold lone surrogates, which an address cannot; as JSON they are plain text. */
const pack = (value) => encodeURIComponent(JSON.stringify(value));

function unpack(text) {
  try {
    return JSON.parse(decodeURIComponent(text));
  } catch {
    return undefined;
  }
}

/** The address of a view. What is undefined is left out. */
export function hrefOf(view, args = {}) {
  const parts = Object.entries(args)
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${pack(value)}`);
  return `#/${view}${parts.length > 0 ? `?${parts.join("&")}` : ""}`;
}

const isText = (value) => typeof value === "string";
/** A time that a `Date` can have. */
const isTime = (value) => typeof value === "number" && Math.abs(value) <= 8.64e15;
const isSort = (value) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((way) => way === 1 || way === -1);

/** What stands in the address of a view. An address may be written by hand: a value of another kind is left out. */
const ARGUMENTS = {
  records: { mode: isText, text: isText, sort: isSort, at: isText, id: isText, tab: isText },
  history: { id: isText },
  time: { by: isText, since: isTime, until: isTime, at: isTime },
};

function read() {
  const { hash } = location;
  const [, view = "records", rest = ""] = /^#\/([a-z]+)(?:\?(.*))?$/.exec(hash) ?? [];
  const kinds = Object.hasOwn(ARGUMENTS, view) ? ARGUMENTS[view] : {};
  const args = {};
  for (const part of rest.split("&").filter((each) => each !== "")) {
    const at = part.indexOf("=");
    const name = part.slice(0, at);
    const value = unpack(part.slice(at + 1));
    if (Object.hasOwn(kinds, name) && kinds[name](value)) args[name] = value;
  }
  return { hash, view, args };
}

/** Goes to a view. With `replace` "back" does not lead to where it was before. */
export function go(view, args, { replace = false } = {}) {
  const href = hrefOf(view, args);
  if (href === location.hash) return;
  if (replace) history.replaceState(null, "", href);
  else location.hash = href;
  // NOTE: the browser tells it later, if at all: until then a person could act on a page that shows another address.
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Changes arguments of a view, if it is shown: those of the address, which may be newer than those that were drawn last. */
export function amend(view, more, options) {
  const now = read();
  if (now.view === view) go(view, { ...now.args, ...more }, options);
}

/** The view that is shown, and its arguments. */
export function useRoute() {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const changed = () => setRoute((before) => (before.hash === location.hash ? before : read()));
    addEventListener("hashchange", changed);
    // What was gone to before this listened.
    changed();
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
