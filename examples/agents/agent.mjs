// One agent: writes pages, looks at what the others wrote, and compacts now and then.

import { Store } from "@backloghq/opslog";

const [folder, agentId, pages] = process.argv.slice(2);
const store = new Store();
await store.open(folder, { agentId });
for (let n = 0; n < Number(pages); n++) {
  await store.set(`${agentId}/page-${n}`, { by: agentId, n });
  await store.set("status", { by: agentId, at: n });
  // Of two writes to one record that did not see each other either may win; all agree on which.
  if (n % 50 === 0) await store.tail();
  if (n % 80 === 79) await store.compact();
}
await store.close();
