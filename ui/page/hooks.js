/** Hooks of the whole page: answers of the server, what it tells, what is remembered, sizes. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { call } from "./server/calls.js";
import { listen } from "./server/events.js";

/**
 * The answer to a call: `{ data, error, isLoading, reload }`. It is asked again when the arguments change; the former answer is shown
 * until the next one is there. With `args` null nothing is asked.
 */
export function useCall(name, args) {
  const [state, setState] = useState({ data: null, error: null, isLoading: args !== null });
  const [round, setRound] = useState(0);
  const key = args === null ? null : JSON.stringify(args);
  useEffect(() => {
    if (key === null) return undefined;
    const abort = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    call(name, JSON.parse(key), { signal: abort.signal }).then(
      (data) => setState({ data, error: null, isLoading: false, key }),
      (error) => {
        if (!abort.signal.aborted) setState((before) => ({ ...before, error, isLoading: false }));
      },
    );
    return () => abort.abort();
  }, [name, key, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const isFresh = state.key === key;
  return { ...state, isFresh, reload };
}

/** Calls a function with what the server tells of a type. */
export function useEvents(type, listener) {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => listen(type, (data) => latest.current(data)), [type]);
}

/** Calls a function after changes, also after those that were not told one by one, at most so often. */
export function useChanged(work, everyMs = 1000) {
  const latest = useRef(work);
  latest.current = work;
  const timer = useRef(null);
  const soon = () => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      latest.current();
    }, everyMs);
  };
  useEvents("changes", soon);
  useEvents("missed", soon);
  useEffect(() => () => clearTimeout(timer.current), []);
}

/** A value that the browser remembers, if it may. */
export function useStored(name, initial) {
  const [value, setValue] = useState(() => {
    try {
      return JSON.parse(localStorage.getItem(`opslog.${name}`)) ?? initial;
    } catch {
      return initial;
    }
  });
  const store = useCallback(
    (next) => {
      setValue(next);
      try {
        localStorage.setItem(`opslog.${name}`, JSON.stringify(next));
      } catch {
        // A browser that keeps nothing shows the page all the same.
      }
    },
    [name],
  );
  return [value, store];
}

/** The size of an element, as `[ref, { width, height }]`. */
export function useSize() {
  const ref = useRef(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return [ref, size];
}

/** A value that follows another one only once that has rested. */
export function useSettled(value, restMs = 250) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), restMs);
    return () => clearTimeout(timer);
  }, [value, restMs]);
  return settled;
}
