/** The rows of a table, of which only pages in sight are asked for and a few others kept. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { call } from "../../server/calls.js";
import { useChanged } from "../../hooks.js";

const PAGE = 100;
const MOST_PAGES = 30;
/** While the server still counts, it is asked again. */
const AGAIN_MS = 400;
const STALE_MS = 1500;

/** `{ total, more, rowAt, see, error, isLoading, isStale, isComplete, refresh, key, order }` of a listing. `order` is another one when other rows stand in it. */
export function useRows(wanted) {
  const key = JSON.stringify(wanted);
  const { columns, ...listing } = wanted;
  const held = useRef(null);
  const [, redraw] = useState(0);
  if (held.current?.key !== key) held.current?.abort.abort();
  if (held.current === null || held.current.key !== key) {
    // What was shown before stays until the first page of the new listing is there.
    const before = held.current?.isShown ? held.current : (held.current?.before ?? null);
    held.current = {
      key,
      wanted,
      pages: new Map(),
      dirty: new Set(),
      asked: new Set(),
      abort: new AbortController(),
      before,
      info: null,
    };
    if (before !== null) before.before = null;
  }
  const mine = held.current;
  const draw = useCallback(() => redraw((n) => n + 1), []);

  // A listing that is older than the store is asked for again, until the server has made a new one.
  const again = useCallback(() => {
    mine.timer ??= setTimeout(() => {
      mine.timer = null;
      mine.renew?.();
    }, STALE_MS);
  }, [mine]);

  const load = useCallback(
    async (number, fresh = false) => {
      if (mine.asked.has(number) || mine.abort.signal.aborted) return;
      mine.asked.add(number);
      mine.dirty.delete(number);
      try {
        const args = { ...mine.wanted, offset: number * PAGE, limit: PAGE, ...(fresh && { fresh }) };
        const { rows, ...info } = await call("page", args, { signal: mine.abort.signal });
        mine.pages.delete(number);
        mine.pages.set(number, rows);
        for (const old of mine.pages.keys()) {
          if (mine.pages.size <= MOST_PAGES) break;
          if (!mine.seen?.has(old)) mine.pages.delete(old);
        }
        Object.assign(mine, { info, error: null, isShown: true, before: null });
        if (!info.isComplete) setTimeout(() => load(number), AGAIN_MS);
        else if (info.isStale) again();
      } catch (error) {
        if (mine.abort.signal.aborted) return;
        mine.error = error;
        mine.before = null;
      }
      mine.asked.delete(number);
      draw();
      // The store has changed while this was on its way.
      if (mine.dirty.has(number) && mine.seen?.has(number)) load(number);
    },
    [mine, draw],
  );

  const see = useCallback(
    (first, last) => {
      mine.seen = new Set();
      const end = Math.floor(Math.max(first, last - 1) / PAGE);
      for (let number = Math.floor(first / PAGE); number <= end; number++) {
        mine.seen.add(number);
        if (!mine.pages.has(number) || mine.dirty.has(number)) load(number);
      }
    },
    [mine, load],
  );

  const refresh = useCallback(
    (fresh) => {
      for (const number of [...mine.pages.keys(), ...mine.asked]) mine.dirty.add(number);
      mine.error = null;
      const [first = 0] = mine.seen ?? [];
      load(first, fresh);
      for (const number of mine.seen ?? []) if (number !== first) load(number);
    },
    [mine, load],
  );
  mine.renew = () => refresh(false);
  useChanged(() => wanted.at === undefined && refresh(false));
  useEffect(
    () => () => {
      mine.abort.abort();
      clearTimeout(mine.timer);
    },
    [mine],
  );
  useEffect(() => {
    if (mine.pages.size === 0) see(0, PAGE);
  }, [mine, see]);

  const shown = mine.before ?? mine;
  return {
    total: shown.info?.total ?? 0,
    more: shown.info?.more ?? 0,
    rowAt: (at) => shown.pages.get(Math.floor(at / PAGE))?.[at % PAGE],
    see,
    error: mine.error ?? null,
    isLoading: mine.info === null && (mine.error ?? null) === null,
    isStale: mine.info?.isStale === true,
    isComplete: mine.info?.isComplete !== false,
    refresh,
    key,
    order: JSON.stringify(listing),
  };
}
