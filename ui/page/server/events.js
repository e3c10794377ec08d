/**
 * What the server tells by itself: one stream for the whole page. A hidden tab lets go of it, since browsers open only six
 * connections to a server for all of their tabs: a seventh tab would wait for ever.
 */
const RETRY_MS = 5000;
const listeners = new Map();
let source = null;
let keepers = 0;
let retry = null;

function follow() {
  const isWanted = listeners.size > 0 && (document.visibilityState === "visible" || keepers > 0);
  if (isWanted && source === null) begin();
  else if (!isWanted && source !== null) end();
}

function end() {
  source.close();
  source = null;
}

function begin() {
  clearTimeout(retry);
  let isFirst = true;
  source = new EventSource("events");
  source.addEventListener("open", () => {
    isFirst = true;
    emit("connection", true);
  });
  source.addEventListener("error", () => {
    emit("connection", false);
    // A server that refuses is not asked again by the browser.
    if (source?.readyState !== EventSource.CLOSED) return;
    end();
    retry = setTimeout(follow, RETRY_MS);
  });
  source.addEventListener("state", ({ data }) => {
    emit("state", { ...JSON.parse(data), isFirst });
    isFirst = false;
  });
  for (const type of ["changes", "health", "compact"]) {
    source.addEventListener(type, ({ data }) => emit(type, JSON.parse(data)));
  }
}

/** Calls all functions that listen to a type. */
export function emit(type, data) {
  for (const listener of [...(listeners.get(type) ?? [])]) listener(data);
}

/** Calls a function with all that is told of a type. Returns what ends that. */
export function listen(type, listener) {
  if (!listeners.has(type)) listeners.set(type, new Set());
  listeners.get(type).add(listener);
  follow();
  return () => listeners.get(type).delete(listener);
}

/** Goes on listening while the tab is hidden. Returns what ends that. */
export function keepListening() {
  keepers++;
  follow();
  return () => {
    keepers--;
    follow();
  };
}

document.addEventListener("visibilitychange", follow);
