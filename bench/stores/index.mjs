/** The stores by name. Each is loaded only in the process that measures it. */
const files = {
  ours: "./ours.mjs",
  original: "./original.mjs",
  lmdb: "./lmdb.mjs",
  "better-sqlite3": "./better-sqlite3.mjs",
  "classic-level": "./classic-level.mjs",
  nedb: "./nedb.mjs",
};

export const storeNames = Object.keys(files);

/** Those that need no package but the development dependencies. */
export const ownStores = ["ours", "original"];

export async function loadStore(name) {
  const { default: store } = await import(files[name]);
  return { name, ...store };
}
