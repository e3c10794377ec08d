/** An agent that archives a record once a file is there. Its arguments: the folder of the store, the id, that file, the file that it makes then. */
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Store } from "../../index.mjs";
import { manual } from "./agents.mjs";

const [folder, archived, begin, end] = process.argv.slice(2);
const store = new Store();
await store.open(folder, { ...manual, agentId: "archiving", version: 2, migrate: (value) => value });
process.send("open");
while (!existsSync(begin)) await delay(5);
await store.archive((_, id) => id === archived);
writeFileSync(end, "");
await store.close();
process.disconnect();
