/** The operations on a record, the last one first: a page of them at a time, and those that come while it is looked at. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { call } from "../../server/calls.js";
import { useEvents } from "../../hooks.js";

const PAGE = 50;
const REST_MS = 300;

export function useHistory(id) {
  const [state, setState] = useState({ operations: null, hasMore: false, error: null, isLoading: true });
  const length = useRef(PAGE);
  const timer = useRef(null);
  const busy = useRef(false);
  const load = useCallback(async () => {
    busy.current = true;
    try {
      const { operations, hasMore } = await call("history", { id, limit: length.current });
      setState({ operations, hasMore, error: null, isLoading: false });
    } catch (error) {
      setState((before) => ({ ...before, error, isLoading: false }));
    }
    busy.current = false;
  }, [id]);
  useEffect(() => {
    length.current = PAGE;
    load();
    return () => clearTimeout(timer.current);
  }, [load]);
  // NOTE: one after the other: a history without an index takes its time.
  const loadSoon = () => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      if (busy.current) loadSoon();
      else load();
    }, REST_MS);
  };
  useEvents("changes", ({ operations, counts }) => {
    const told = Object.values(counts).reduce((sum, n) => sum + n, 0);
    // Of many operations at once not all are told by their ids, and what is no operation is told without any.
    if (told > 0 && told === operations.length && !operations.some((operation) => operation.id === id))
      return;
    loadSoon();
  });
  useEvents("missed", loadSoon);
  const more = async () => {
    setState((before) => ({ ...before, isLoading: true }));
    try {
      const before = state.operations.at(-1)?.position;
      const { operations, hasMore } = await call("history", { id, before, limit: PAGE });
      length.current = Math.min(200, state.operations.length + operations.length);
      setState({ operations: [...state.operations, ...operations], hasMore, error: null, isLoading: false });
    } catch (error) {
      setState((previous) => ({ ...previous, error, isLoading: false }));
    }
  };
  return { ...state, more, reload: load };
}
