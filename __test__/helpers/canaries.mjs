/** Files outside of a store, which nothing that is done to it may read or write. */
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Store } from "../../index.mjs";
import { manual } from "./agents.mjs";
import { contents, temporaryFolder } from "./store-folder.mjs";

export const canaryText = "a canary, which must not be read or written";

/** A folder with a store in it and a canary beside it, where climbing paths lead. */
export async function guarded(t) {
  const root = await temporaryFolder(t);
  const folder = join(root, "store");
  const outside = join(root, "outside");
  await mkdir(outside);
  for (const name of ["canary", "canary.json", "canary.jsonl", "archive-canary.json", "manifest.json"]) {
    await writeFile(join(outside, name), canaryText);
  }
  await writeFile(join(root, "canary"), canaryText);
  const store = new Store();
  await store.open(folder, manual);
  await store.set("a", { n: 1 });
  await store.archive(() => true, "real");
  await store.set("b", { n: 2 });
  await store.close();
  const before = await contents(outside);
  const stillThere = async (message) => {
    t.deepEqual(await contents(outside), before, message);
    t.deepEqual((await readdir(root)).sort(), ["canary", "outside", "store"], message);
    t.is(await readFile(join(root, "canary"), "utf8"), canaryText, message);
  };
  return { root, folder, outside, stillThere };
}
