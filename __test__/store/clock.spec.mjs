import test from "ava";
import clock from "../../lib/operations/clock.js";
import { original } from "../helpers/original.mjs";

const { LamportClock } = clock;

test("current, without an initial value, is 0", (t) => {
  t.is(new LamportClock().current, 0);
});

test("current, with an initial value, is that value", (t) => {
  t.is(new LamportClock(41).current, 41);
});

test("tick(), called twice, counts up by one and returns the new value", (t) => {
  const clock = new LamportClock(5);
  t.is(clock.tick(), 6);
  t.is(clock.tick(), 7);
  t.is(clock.current, 7);
});

test("merge(), with a higher value, moves past it", (t) => {
  const clock = new LamportClock(3);
  t.is(clock.merge(10), 11);
  t.is(clock.current, 11);
});

test("merge(), with a lower value, counts up by one", (t) => {
  const clock = new LamportClock(10);
  t.is(clock.merge(3), 11);
});

test("a sequence of ticks and merges gives the values of 0.8.1", (t) => {
  const ours = new LamportClock(2);
  const theirs = new original.LamportClock(2);
  for (const received of [1, 5, 5, 0, 100, 7]) {
    t.is(ours.merge(received), theirs.merge(received));
    t.is(ours.tick(), theirs.tick());
    t.is(ours.current, theirs.current);
  }
});
