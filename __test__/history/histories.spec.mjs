/** The short form of campaigns/histories.mjs. One test: it sets the clock of its process. */
import test from "ava";

import { History } from "../../campaigns/histories/history.mjs";

test("at() of random histories shows every state that a Map has kept, through checkpoints, archives, migrations and agents", async (t) => {
  const total = { looks: 0, migrations: 0, agents: 0 };
  for (let seed = 1; seed <= 40; seed++) {
    const counts = await new History(seed).run(30);
    for (const name of Object.keys(total)) total[name] += counts[name];
  }
  // What it is about has happened.
  for (const [name, count] of Object.entries(total)) t.true(count > 20, name);
});
