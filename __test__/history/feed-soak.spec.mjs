import test from "ava";

import { FeedSoak, hasFailed } from "../../campaigns/soak-feed/run.mjs";

for (const [writers, agents, isBehindBackend] of [
  ["a single writer", 0, false],
  ["three agents", 3, false],
  ["a single writer behind a backend", 0, true],
  ["three agents behind a backend", 3, true],
]) {
  test.serial(
    `a consumer that keeps its position with its result misses nothing and sees nothing twice: ${writers} and the consumer are killed`,
    async (t) => {
      t.timeout(240_000);
      const tally = await new FeedSoak({ kills: 25, agents, lifeMs: 400, seed: 5, isBehindBackend }).run();
      t.false(hasFailed(tally), JSON.stringify(tally, null, 2));
      t.true(tally.operations > 0);
    },
  );
}
