/** `node session.mjs <store> <folder>`: opens, sets one record, closes; prints the milliseconds of these calls. */
import { makeId, makeRecord } from "../record.mjs";
import { loadStore } from "../stores/index.mjs";

const [name, folder] = process.argv.slice(2);
const store = await loadStore(name);
const record = makeRecord(7);
const started = performance.now();
const handle = await store.open(folder, { checkpoints: "default" });
await handle.set(makeId(7), record);
await handle.close();
process.stdout.write(String(performance.now() - started));
