/** Opens ours or the published 0.8.1 in a folder of the test's, and closes it when the test is over. */
import { original } from "./original.mjs";
import { temporaryFolder } from "./store-folder.mjs";

/** Opens the published 0.8.1. Returns the store and its folder. */
export async function openReference(t, { folder, ...options } = {}) {
  return openStore(t, original.Store, folder, options);
}

/** Opens ours. Returns the store and its folder. */
export async function openOurs(t, { folder, ...options } = {}) {
  const { Store } = await import("../../index.mjs");
  return openStore(t, Store, folder, options);
}

async function openStore(t, Store, wanted, options) {
  const folder = wanted ?? (await temporaryFolder(t));
  const store = new Store();
  await store.open(folder, options);
  t.teardown(async () => {
    try {
      await store.close();
    } catch {
      // The test closed it, or broke it on purpose.
    }
  });
  return { store, folder };
}
