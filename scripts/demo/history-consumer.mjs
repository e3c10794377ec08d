/** Follows the history of a store and keeps each change with its position in one write, until it is killed. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { Store } from "../../index.mjs";

const [folder, file] = process.argv.slice(2);
const kept = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
const after = kept.length === 0 ? undefined : JSON.parse(kept.at(-1)).position;
const store = new Store();
await store.open(folder, { readOnly: true, skipLoad: true });
for await (const { position, id, value } of store.changes({ after, live: true })) {
  appendFileSync(file, `${JSON.stringify({ position, id, n: value?.n ?? null })}\n`);
}
