/** Agents on one folder, and what fresh stores find there. */
import { Store } from "../../index.mjs";
import { reopened } from "./store-folder.mjs";

/** No checkpoint that is not asked for. */
export const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

/** Opens an agent that is closed when the test is over, unless it was before. */
export async function openAgent(t, folder, agentId, options = {}) {
  const store = new Store();
  await store.open(folder, { ...manual, agentId, ...options });
  t.teardown(() => store.close().catch(() => {}));
  return store;
}

/** What a fresh reader without agentId finds, by id. */
export async function recordsIn(folder, options = { readOnly: true }) {
  return Object.fromEntries(await reopened(Store, folder, (store) => store.entries(), options));
}

export const idsOf = (operations) => operations.map(({ id }) => id);
