/** The stores by name. Each is loaded only in the process that measures it. */
const stores = {
  ours: { file: "./ours.mjs", title: "this package", family: "opslog" },
  original: { file: "./original.mjs", title: "0.8.1", family: "opslog" },
  lmdb: { file: "./lmdb.mjs", title: "lmdb" },
  "better-sqlite3": { file: "./better-sqlite3.mjs", title: "better-sqlite3" },
  "classic-level": { file: "./classic-level.mjs", title: "classic-level" },
  nedb: { file: "./nedb.mjs", title: "nedb" },
};

export const storeNames = Object.keys(stores);

/** Those that need no package but the development dependencies. */
export const ownStores = ["ours", "original"];

/** How a store is called in the report; a floor is called what it is. */
export const titleOf = (name) => stores[name]?.title ?? name;

/** Stores of one family read the same files. */
export const familyOf = (name) => stores[name].family ?? name;

export async function loadStore(name) {
  const { default: store } = await import(stores[name].file);
  return { name, family: familyOf(name), ...store };
}
