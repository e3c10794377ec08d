/** What the server tells by itself: one stream for the whole page. */
const listeners = new Map();
let source = null;

function begin() {
  source = new EventSource("events");
  source.addEventListener("open", () => emit("connection", true));
  source.addEventListener("error", () => emit("connection", false));
  for (const type of ["state", "changes", "health", "compact"]) {
    source.addEventListener(type, ({ data }) => emit(type, JSON.parse(data)));
  }
}

function emit(type, data) {
  for (const listener of [...(listeners.get(type) ?? [])]) listener(data);
}

/** Calls a function with all that is told of a type. Returns what ends that. */
export function listen(type, listener) {
  if (!listeners.has(type)) listeners.set(type, new Set());
  listeners.get(type).add(listener);
  if (source === null) begin();
  return () => listeners.get(type).delete(listener);
}
