/** A store with a history, a second writer's and hostile records, for the tests of the page. */
import { setTimeout as sleep } from "node:timers/promises";
import { Store } from "../../index.mjs";
import { addHostileRecords } from "../../scripts/ui/demo-store.mjs";
import { temporaryFolder } from "./store-folder.mjs";

/** How long the history lasts at least: one of a few milliseconds cannot be looked at more closely. */
const LASTS_MS = 20;

/** A folder of two agents: a few records, with checkpoints in between. */
export async function deskFolder(t, { hostile = false } = {}) {
  const folder = await temporaryFolder(t);
  const open = async (agentId) => {
    const store = new Store();
    await store.open(folder, { agentId, checkpointOnClose: false, checkpointThreshold: Infinity });
    return store;
  };
  const [one, other] = [await open("one"), await open("two")];
  await one.set("job-1", {
    title: "Tide tables",
    status: "open",
    tags: ["a", "b", "c"],
    words: 120,
    who: { name: "Ada" },
  });
  await one.set("契約-2", { title: "契約書", status: "done", tags: [], words: 900 });
  await one.set("חוזה-3", { title: "חוזה", status: "open", tags: ["c"], words: 40 });
  await one.compact();
  await other.refresh();
  await other.set("job-1", {
    title: "Tide tables",
    status: "review",
    tags: ["c", "a", "b"],
    words: 140,
    who: { name: "Bob" },
    due: "2026-12-01",
  });
  await other.set("gone", { title: "For a while", status: "open", words: 1 });
  await one.refresh();
  await sleep(LASTS_MS);
  await one.delete("gone");
  await one.close();
  await other.close();
  if (hostile) await addHostileRecords(folder, "one");
  return folder;
}

/** Writes into the folder as an agent. */
export async function writtenTo(folder, work, options = { agentId: "two" }) {
  const store = new Store();
  await store.open(folder, { checkpointOnClose: false, checkpointThreshold: Infinity, ...options });
  await work(store);
  await store.close();
}
