/**
 * Which elements of a list are those of another one: the longest common subsequence stays, an element that is elsewhere has moved, and
 * what is left over on both sides in the same place has changed.
 */

import { keyOf } from "./same.mjs";

/** Above so many steps of the table, elements are compared place by place. */
const MOST_STEPS = 1_000_000;

/** `{ moved, removed, added, paired }`: pairs of places, or places. */
export function alignment(before, after) {
  const keys = [before, after].map((list) => list.map(keyOf));
  const [one, other] = keys;
  let start = 0;
  while (start < one.length && start < other.length && one[start] === other[start]) start++;
  let [endOne, endOther] = [one.length, other.length];
  while (endOne > start && endOther > start && one[endOne - 1] === other[endOther - 1]) {
    endOne--;
    endOther--;
  }
  const kept = commonPairs(one, other, start, endOne, endOther);
  const keptOne = new Set(kept.map(([from]) => from));
  const keptOther = new Set(kept.map(([, to]) => to));
  const gone = range(start, endOne).filter((at) => !keptOne.has(at));
  const come = range(start, endOther).filter((at) => !keptOther.has(at));
  const moved = movedPairs(one, other, gone, come);
  const movedOne = new Set(moved.map(([from]) => from));
  const movedOther = new Set(moved.map(([, to]) => to));
  const left = gone.filter((at) => !movedOne.has(at));
  const right = come.filter((at) => !movedOther.has(at));
  return { moved, ...pairsInGaps(left, right, kept) };
}

const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, n) => from + n);

/** The pairs of places of the longest common subsequence between two bounds. */
function commonPairs(one, other, start, endOne, endOther) {
  const [rows, columns] = [endOne - start, endOther - start];
  if (rows === 0 || columns === 0) return [];
  if (rows * columns > MOST_STEPS) {
    return range(start, Math.min(endOne, endOther))
      .filter((at) => one[at] === other[at])
      .map((at) => [at, at]);
  }
  const width = columns + 1;
  const lengths = new Uint32Array((rows + 1) * width);
  for (let row = rows - 1; row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      const at = row * width + column;
      lengths[at] =
        one[start + row] === other[start + column]
          ? lengths[at + width + 1] + 1
          : Math.max(lengths[at + width], lengths[at + 1]);
    }
  }
  const pairs = [];
  for (let row = 0, column = 0; row < rows && column < columns;) {
    const at = row * width + column;
    if (one[start + row] === other[start + column]) pairs.push([start + row++, start + column++]);
    else if (lengths[at + width] >= lengths[at + 1]) row++;
    else column++;
  }
  return pairs;
}

/** Elements that are equal but stand elsewhere. */
function movedPairs(one, other, gone, come) {
  const places = new Map();
  for (const at of gone) {
    const list = places.get(one[at]) ?? [];
    list.push(at);
    places.set(one[at], list);
  }
  const moved = [];
  for (const at of come) {
    const from = places.get(other[at])?.shift();
    if (from !== undefined) moved.push([from, at]);
  }
  return moved;
}

/** What is left on both sides between the same two kept elements has changed, one after the other. */
function pairsInGaps(left, right, kept) {
  const gapOf = (side) => (at) => {
    let [low, high] = [0, kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (kept[middle][side] < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const [gapOne, gapOther] = [gapOf(0), gapOf(1)];
  const waiting = new Map();
  for (const at of left) {
    const list = waiting.get(gapOne(at)) ?? [];
    list.push(at);
    waiting.set(gapOne(at), list);
  }
  const paired = [];
  const added = [];
  for (const at of right) {
    const from = waiting.get(gapOther(at))?.shift();
    if (from === undefined) added.push(at);
    else paired.push([from, at]);
  }
  const removed = [...waiting.values()].flat();
  return { paired, added, removed };
}
