/** Opens stores for commands, and sees to it that they are closed. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { Store } from "../index.mjs";

/** Objects that are kept: a command looks at each record once. */
const CACHE = 1000;

/** There is no store where one was expected. */
function noStore(folder) {
  return Object.assign(new Error("no store"), { code: "OPSLOG_NO_STORE", folder });
}

/** Makes sure that a command does not create a store by accident. */
export async function requireStore(folder) {
  try {
    await access(join(folder, "manifest.json"));
  } catch (error) {
    throw error.code === "ENOENT" || error.code === "ENOTDIR" ? noStore(folder) : error;
  }
}

/** Work on a folder that need not be open; says which one it is if no store is there. */
export async function inFolder(folder, work) {
  try {
    return await work(folder);
  } catch (error) {
    throw error.code === "OPSLOG_NO_STORE" ? noStore(folder) : error;
  }
}

async function using(folder, options, work) {
  const store = new Store();
  await store.open(folder, { cacheSize: CACHE, ...options });
  let result;
  try {
    result = await work(store);
  } catch (error) {
    // What went wrong first is what is told.
    await store.close().catch(() => {});
    throw error;
  }
  await store.close();
  return result;
}

/** Runs work with a store that takes no lock and writes nothing. */
export async function reading(folder, work, options = {}) {
  await requireStore(folder);
  return using(folder, { readOnly: true, ...options }, work);
}

/** Runs work with a store that is open for writing, as an agent if one is named. */
export async function writing(folder, { agent, ...options }, work) {
  return using(folder, { agentId: agent, checkpointOnClose: false, ...options }, work);
}
