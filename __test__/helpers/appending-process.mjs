// Appends lines to the log that a store's manifest names, as a process does that no lock keeps out, until a file named
// `stop` is in the folder, or for so many lines. Prints how many it wrote.
// `node appending-process.mjs <folder> <lines> <bytes of the text in each>`

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, lines, bytes] = process.argv.slice(2);
const text = "y".repeat(Number(bytes));
let written = 0;

function activeLog() {
  return join(folder, JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")).activeOps);
}

const stop = join(folder, "stop");
while (written < Number(lines) && !existsSync(stop)) {
  const id = `theirs-${String(written % 50).padStart(6, "0")}`;
  const data = { n: String(written).padStart(6, "0"), text };
  const line = { ts: "2026-01-01T00:00:00.000Z", op: "set", id, prev: null, data };
  appendFileSync(activeLog(), `${JSON.stringify(line)}\n`);
  written++;
}
console.log(written);
