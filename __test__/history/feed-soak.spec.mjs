import test from "ava";

import { FeedSoak, hasFailed } from "../../campaigns/soak-feed/run.mjs";

for (const [writers, agents] of [
  ["a single writer", 0],
  ["three agents", 3],
]) {
  test.serial(
    `a consumer that keeps its position with its result misses nothing and sees nothing twice: ${writers} and the consumer are killed`,
    async (t) => {
      t.timeout(240_000);
      const tally = await new FeedSoak({ kills: 25, agents, lifeMs: 400, seed: 5 }).run();
      t.false(hasFailed(tally), JSON.stringify(tally, null, 2));
      t.true(tally.operations > 0);
    },
  );
}
