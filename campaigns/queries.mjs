/**
 * The long run of the comparison with mingo: random documents, random queries.
 *
 *   node campaigns/queries.mjs --pairs 1000000 --seed 7
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Store } from "../index.mjs";
import { compareWithMingo } from "../__test__/queries/compare.mjs";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
  },
});
const root = await mkdtemp(path.join(tmpdir(), "opslog-queries-"));
try {
  let [seed, pairs] = [Number(values.seed), 0];
  for (; pairs < Number(values.pairs); seed++) {
    const folderOf = (round) => path.join(root, `${seed}-${round}`);
    const result = await compareWithMingo({ Store, seed, rounds: 10, folderOf });
    pairs += result.pairs;
    if (result.differences.length > 0) {
      console.log(`seed ${seed}`, result.differences.slice(0, 3));
      process.exitCode = 1;
      break;
    }
  }
  console.log(`${pairs} pairs compared from seed ${values.seed} on`);
} finally {
  await rm(root, { recursive: true, force: true });
}
