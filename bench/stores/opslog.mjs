/** What this package and the published 0.8.1 have in common: the same class, with the same methods. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A store that cannot do what a workload asks for says so with this. */
export class NotAvailable extends Error {}

function toOptions({ sync = "none", checkpoints = "manual", mode, ...rest }) {
  const options = { ...rest };
  if (mode !== undefined) options.writeMode = mode;
  if (sync !== "none") options.durability = sync;
  if (checkpoints === "manual")
    Object.assign(options, { checkpointThreshold: 1e15, checkpointOnClose: false });
  else if (checkpoints !== "default") options.checkpointThreshold = checkpoints;
  return options;
}

const known = new Map();

/** Whether the option is known: one that is, is checked. */
async function knows(Store, option) {
  if (!known.has(option)) known.set(option, await refuses(Store, option));
  return known.get(option);
}

async function refuses(Store, option) {
  const folder = await mkdtemp(join(tmpdir(), "opslog-bench-"));
  const store = new Store();
  try {
    await store.open(folder, { [option]: Symbol("no value for any option") });
    await store.close();
    return false;
  } catch {
    return true;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The store with the methods that workloads call. `native` is the store itself, for what only it has. */
export function adapt(Store) {
  return async (folder, options = {}) => {
    const wanted = toOptions(options);
    for (const option of ["durability", "cacheSize"]) {
      if (option in wanted && !(await knows(Store, option))) throw new NotAvailable(`no option ${option}`);
    }
    const store = new Store();
    await store.open(folder, wanted);
    return {
      native: store,
      set: (id, record) => store.set(id, record),
      setMany: (entries) =>
        store.batch(() => {
          for (const [id, record] of entries) store.set(id, record);
        }),
      get: (id) => store.get(id),
      filter: (predicate) => store.filter(predicate),
      count: () => store.count(),
      since: () => store.tail(),
      flush: () => store.flush(),
      close: () => store.close(),
    };
  };
}
