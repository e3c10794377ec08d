/** `node session.mjs <store> <folder>`: opens, sets one record, closes; prints what it took. */
import { peakMemoryMb } from "../measure.mjs";
import { makeId, makeRecord } from "../record.mjs";
import { loadStore } from "../stores/index.mjs";

const [name, folder] = process.argv.slice(2);
const store = await loadStore(name);
const record = makeRecord(7);
const started = performance.now();
const handle = await store.open(folder, { checkpoints: "default" });
await handle.set(makeId(7), record);
await handle.close();
const engineMs = performance.now() - started;
process.stdout.write(JSON.stringify({ engineMs, peakMemoryMb: peakMemoryMb() }));
