/** The operations that come while the page is open, newest first: as many as are worth a look, and how many there were. */
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../../server/calls.js";
import { useEvents } from "../../hooks.js";

const MOST = 500;
const WINDOW_MS = 10_000;
const NONE = { created: 0, updated: 0, deleted: 0, undone: 0 };

const sum = (counts) => counts.created + counts.updated + counts.deleted + counts.undone;

export function useFeed(isPaused) {
  const [feed, setFeed] = useState({ operations: [], counts: NONE, untold: 0, isLoading: true, error: null });
  const [waiting, setWaiting] = useState(0);
  const [rate, setRate] = useState(0);
  const held = useRef([]);
  const recent = useRef([]);

  const take = ({ operations, counts }) => {
    setFeed((before) => ({
      ...before,
      operations: [...operations.toReversed(), ...before.operations].slice(0, MOST),
      counts: Object.fromEntries(Object.keys(NONE).map((kind) => [kind, before.counts[kind] + counts[kind]])),
      untold: before.untold + sum(counts) - operations.length,
    }));
  };

  useEffect(() => {
    call("last", { limit: 50 }).then(
      ({ operations }) =>
        setFeed((before) => {
          const known = new Set(before.operations.map(({ position }) => position));
          const older = operations.filter(({ position }) => !known.has(position));
          return { ...before, operations: [...before.operations, ...older], isLoading: false };
        }),
      (error) => setFeed((before) => ({ ...before, error, isLoading: false })),
    );
  }, []);
  useEvents("changes", (told) => {
    recent.current.push([Date.now(), sum(told.counts)]);
    if (!isPaused) take(told);
    else {
      held.current.push(told);
      if (held.current.length > MOST) held.current.shift();
      setWaiting((before) => before + sum(told.counts));
    }
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
