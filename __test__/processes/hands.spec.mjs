/**
 * The model test of a folder that changes hands: single writers, agents and readers of several schema versions, another hand
 * that appends to their logs, and copies that are put back. A longer run, and one failure again: campaigns/model.mjs --hands.
 */
import test from "ava";
import { runHands } from "../model/hands/run.mjs";

test.serial(
  "120 lives of a folder that changes hands: each store shows what was acknowledged, and is told of it once",
  async (t) => {
    t.timeout(10 * 60_000);
    const { failure, missing } = await runHands({ lives: 120, seed: 20_261_129 });
    t.is(failure, null, failure ?? undefined);
    t.deepEqual(missing, []);
  },
);
