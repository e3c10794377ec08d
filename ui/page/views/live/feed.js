/** The operations that come while the page is open, newest first: as many as are worth a look, and how many there were. */
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../../server/calls.js";
import { keepListening } from "../../server/events.js";
import { useEvents } from "../../hooks.js";

const MOST = 500;
const FIRST = 50;
const WINDOW_MS = 10_000;
const NONE = { created: 0, updated: 0, deleted: 0, undone: 0 };

const sum = (counts) => counts.created + counts.updated + counts.deleted + counts.undone;

export function useFeed(isPaused) {
  const [feed, setFeed] = useState({ operations: [], counts: NONE, untold: 0, isLoading: true, error: null });
  const [waiting, setWaiting] = useState(0);
  const [rate, setRate] = useState(0);
  const held = useRef([]);
  const recent = useRef([]);
  const newest = useRef(undefined);
  const first = useRef(null);

  const take = ({ operations, counts }) => {
    setFeed((before) => ({
      ...before,
      operations: [...operations.toReversed(), ...before.operations].slice(0, MOST),
      counts: Object.fromEntries(Object.keys(NONE).map((kind) => [kind, before.counts[kind] + counts[kind]])),
      untold: before.untold + sum(counts) - operations.length,
    }));
  };

  useEffect(() => {
    first.current = call("last", { limit: FIRST }).then(
      ({ operations }) => {
        newest.current ??= operations[0]?.position;
        setFeed((before) => {
          const known = new Set(before.operations.map(({ position }) => position));
          const older = operations.filter(({ position }) => !known.has(position));
          return { ...before, operations: [...before.operations, ...older], isLoading: false };
        });
      },
      (error) => setFeed((before) => ({ ...before, error, isLoading: false })),
    );
  }, []);
  const hear = (told) => {
    const last = told.operations.at(-1);
    newest.current = (last?.kind === "undone" ? last.after : last?.position) ?? newest.current;
    recent.current.push([Date.now(), sum(told.counts)]);
    if (!isPaused) take(told);
    else {
      held.current.push(told);
      if (held.current.length > MOST) held.current.shift();
      setWaiting((before) => before + sum(told.counts));
    }
  };
  useEvents("changes", hear);
  // The tab that lists what happens listens while it is hidden, too. A computer that slept has missed something all the same.
  useEffect(keepListening, []);
  const latest = useRef(hear);
  latest.current = hear;
  useEvents("missed", async () => {
    await first.current;
    const { operations } = await call("last", { limit: FIRST }).catch(() => ({ operations: [] }));
    const at = operations.findIndex(({ position }) => position === newest.current);
    const missed = (at === -1 ? operations : operations.slice(0, at)).toReversed();
    const counts = { ...NONE };
    for (const { kind } of missed) counts[kind]++;
    if (missed.length > 0) latest.current({ operations: missed, counts });
  });
  useEffect(() => {
    if (isPaused) return;
    for (const told of held.current) take(told);
    held.current = [];
    setWaiting(0);
  }, [isPaused]);
  useEffect(() => {
    const timer = setInterval(() => {
      const since = Date.now() - WINDOW_MS;
      recent.current = recent.current.filter(([time]) => time > since);
      setRate(recent.current.reduce((total, [, number]) => total + number, 0) / (WINDOW_MS / 1000));
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  const clear = () => setFeed((before) => ({ ...before, operations: [], counts: NONE, untold: 0 }));
  return { ...feed, waiting, rate, clear };
}
