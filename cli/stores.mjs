/** Opens stores for commands, and sees to it that they are closed. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Store } from "../index.mjs";

/** Objects that are kept: a command looks at each record once. */
const CACHE = 1000;

/** What an open() that was refused may leave in a new folder: locks, and folders with nothing in them. */
const LEFT_LOCKS = new Set([".lock", ".compact-lock"]);
const LEFT_FOLDERS = new Set(["snapshots", "ops", "archive", "index"]);

/** There is no store where one was expected. */
function noStore(folder, message = "no store") {
  const fields = message === "no store" ? { folder } : {};
  return Object.assign(new Error(message), { code: "OPSLOG_NO_STORE", ...fields });
}

function noFolder(path) {
  const hint = ["manifest.json", ".lock"].includes(basename(path)) ? `: try ${dirname(path)}` : "";
  return noStore(path, `${path} is a file. A store is a folder with a manifest.json in it${hint}.`);
}

/** What `stat` says of a path; `undefined` if nothing is there. */
async function look(path) {
  try {
    return await stat(path);
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  }
}

async function ensureNoFile(folder) {
  const found = await look(folder);
  if (found !== undefined && !found.isDirectory()) throw noFolder(folder);
}

/** Makes sure that a command does not create a store by accident. */
export async function requireStore(folder) {
  await ensureNoFile(folder);
  if ((await look(join(folder, "manifest.json"))) === undefined) throw noStore(folder);
}

/**
 * Whether a store will be created in a folder. One that is not there yet, and an empty one, become a store without a question;
 * one with other files in it only if the caller says so.
 */
export async function willCreate(folder, { create = false, ask = false }) {
  await ensureNoFile(folder);
  if ((await look(join(folder, "manifest.json"))) !== undefined) return false;
  if (create) return true;
  if (ask) throw noStore(folder, `There is no store in ${folder}. --create makes one there.`);
  const names = (await look(folder)) === undefined ? [] : await readdir(folder);
  for (const name of names.sort()) {
    if (await isLeftByOpening(folder, name)) continue;
    throw noStore(
      folder,
      `There is no store in ${folder}, and there are other files, ${name} for one. --create makes a store among them.`,
    );
  }
  return true;
}

async function isLeftByOpening(folder, name) {
  if (LEFT_LOCKS.has(name)) return true;
  return LEFT_FOLDERS.has(name) && (await readdir(join(folder, name)).catch(() => [name])).length === 0;
}

/** Work on a folder that need not be open; says which one it is if no store is there. */
export async function inFolder(folder, work) {
  await ensureNoFile(folder);
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

/** What keeps writers apart. */
export const lockingOption = {
  locking: {
    type: "string",
    value: "how",
    help: "kernel, or pid where the file system has no kernel locks",
    choices: ["kernel", "pid"],
  },
};

/** Options of commands that write records. */
export const writerOptions = {
  agent: { type: "string", short: "a", value: "id", help: "write as this agent, beside others" },
  ...lockingOption,
};

export const createOption = { create: { type: "boolean", help: "create the store if there is none" } };
