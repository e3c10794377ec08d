// Several processes write to one folder at the same time. Each has an agentId and a log of its own; no agent waits for
// another one's snapshot, and nothing that was acknowledged is lost.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Store } from "@backloghq/opslog";
import { withFolder } from "../folder.mjs";

const AGENTS = ["crawler", "parser", "ranker"];
const PAGES = 200;

await withFolder(async (folder) => {
  const program = fileURLToPath(new URL("agent.mjs", import.meta.url));
  const agents = AGENTS.map((agentId) => fork(program, [folder, agentId, String(PAGES)]));
  const ends = await Promise.all(agents.map(async (agent) => (await once(agent, "exit"))[0]));
  console.log(
    "ended well:",
    ends.every((code) => code === 0),
  );

  // Readers need no agentId, and see what all of them wrote.
  const store = new Store();
  await store.open(folder, { readOnly: true });
  for (const agentId of AGENTS) {
    console.log(
      `pages of ${agentId}:`,
      store.count((_, id) => id.startsWith(`${agentId}/`)),
    );
  }
  console.log("the one that all wrote to has one winner:", AGENTS.includes(store.get("status").by));
  await store.close();
  console.log("nothing is damaged:", (await Store.verify(folder)).ok);
});
