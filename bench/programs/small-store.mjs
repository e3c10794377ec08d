// Opens a small store and reads it: the first time in this process, and then as often as it takes to know what that costs later.
// Arguments: a store's name, a folder, how many records are there, and what is read: "entries", "filter" or "get".
import { loadStore } from "../stores/index.mjs";
import { makeIds } from "../record.mjs";
import { median } from "../figures.mjs";

const [, , name, folder, count, reading] = process.argv;
const records = Number(count);
const WARM = records > 5000 ? 7 : 21;
const ids = makeIds(records);
const { open } = await loadStore(name);

const readings = {
  entries: ({ native }) => native.entries().length,
  filter: (handle) => handle.filter((record) => record.priority >= 0).length,
  get: (handle) => ids.filter((id) => handle.get(id) !== undefined).length,
};

async function session() {
  const began = performance.now();
  const handle = await open(folder);
  const found = readings[reading](handle);
  const ms = performance.now() - began;
  if (found !== records) throw new Error(`${found} of ${records} records were read`);
  await handle.close();
  return ms;
}

const coldMs = await session();
const warm = [];
for (let n = 0; n < WARM; n += 1) warm.push(await session());
process.stdout.write(JSON.stringify({ coldMs, warmMs: median(warm) }));
