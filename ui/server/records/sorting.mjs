/** Sorts many texts by code units without holding the event loop up: in runs, which are then merged. */
import { setImmediate as turn } from "node:timers/promises";

const RUN = 16_384;

/** The texts in order. */
export async function sortedInTurns(texts, isDown) {
  let runs = [];
  for (let at = 0; at < texts.length; at += RUN) {
    runs.push(texts.slice(at, at + RUN).sort());
    await turn();
  }
  while (runs.length > 1) {
    const merged = [];
    for (let at = 0; at < runs.length; at += 2) {
      merged.push(at + 1 < runs.length ? await merge(runs[at], runs[at + 1]) : runs[at]);
    }
    runs = merged;
  }
  const [all = []] = runs;
  return isDown ? all.reverse() : all;
}

async function merge(one, other) {
  const out = [];
  let [a, b] = [0, 0];
  while (a < one.length && b < other.length) {
    out.push(one[a] <= other[b] ? one[a++] : other[b++]);
    if (out.length % RUN === 0) await turn();
  }
  while (a < one.length) out.push(one[a++]);
  while (b < other.length) out.push(other[b++]);
  return out;
}
