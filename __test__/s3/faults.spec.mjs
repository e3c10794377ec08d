/**
 * Single writers that replace each other, and agents, on a server behind a proxy that loses answers, repeats, delays and cuts. The
 * long command is campaigns/s3/faults.mjs.
 */
import { faultyRun } from "../../campaigns/s3/faulty-run.mjs";
import { endpointOf, s3Test } from "./server.mjs";

const SEEDS = [1, 2];

for (const [who, agents] of [
  ["single writers that replace each other", 0],
  ["three agents that compact", 3],
]) {
  s3Test(`${who} lose nothing and show nothing refused, whatever becomes of requests`, async (t) => {
    t.timeout(300_000);
    for (const seed of SEEDS) {
      const { wrong, faults, ...counts } = await faultyRun({
        endpoint: endpointOf(),
        seed,
        agents,
        steps: 25,
      });
      t.log(JSON.stringify({ ...counts, faults: Object.values(faults).reduce((sum, n) => sum + n, 0) }));
      t.deepEqual(wrong, [], `seed ${seed}`);
      t.true(counts.acknowledged > 0);
    }
  });
}
