/** The short form of campaigns/histories.mjs. One at a time: each sets the clock of its process. */
import test from "ava";

import { History, carrierNames } from "../../campaigns/histories/history.mjs";

for (const carrier of carrierNames) {
  test.serial(
    `at() of random histories shows every state that a Map has kept, through checkpoints, archives, migrations and agents: ${carrier}`,
    async (t) => {
      const total = { looks: 0, migrations: 0, agents: 0 };
      for (let seed = 1; seed <= 40; seed++) {
        const counts = await new History(seed, carrier).run(30);
        for (const name of Object.keys(total)) total[name] += counts[name];
      }
      // What it is about has happened.
      for (const [name, count] of Object.entries(total)) t.true(count > 20, name);
    },
  );
}
