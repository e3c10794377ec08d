/** The short form of campaigns/lives.mjs. */
import test from "ava";
import { kinds } from "../../campaigns/lives/kinds.mjs";
import { Life } from "../../campaigns/lives/life.mjs";

for (const kind of Object.keys(kinds)) {
  test(`random lives of ${kind}, every look shows what a Map holds`, async (t) => {
    const total = { changes: 0, looks: 0 };
    for (let seed = 1; seed <= 4; seed++) {
      const counts = await new Life(seed, kind).run(20);
      for (const name of Object.keys(total)) total[name] += counts[name];
    }
    // What it is about has happened.
    for (const [name, count] of Object.entries(total)) t.true(count > 40, name);
  });
}
