/**
 * The consumer of the soak: follows a store until it is killed, and appends each change with its position to its own file: result
 * and position in one write. Its arguments: folder, file.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { Store } from "../../index.mjs";
import { carried } from "./carried.mjs";

const [folder, file] = process.argv.slice(2);

/** The last whole line; what a kill cut off is taken away. */
function lastLine() {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const whole = text.lastIndexOf("\n") + 1;
  if (whole < text.length) truncateSync(file, Buffer.byteLength(text.slice(0, whole)));
  return text.slice(0, whole).trimEnd().split("\n").at(-1) || undefined;
}

async function follow(store, after) {
  for await (const change of store.changes({ after, live: true })) {
    const { type, position } = change;
    const line =
      type === "undone"
        ? { after: change.after, undone: position }
        : { after: position, position, token: change.value?.token ?? `deleted ${change.id}` };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  }
}

const store = new Store();
for (;;) {
  try {
    await store.open(folder, { ...carried(), readOnly: true, skipLoad: true });
    break;
  } catch (error) {
    if (error.code !== "OPSLOG_NO_STORE") throw error;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const last = lastLine();
let after = last === undefined ? undefined : JSON.parse(last).after;
for (;;) {
  try {
    await follow(store, after);
  } catch (error) {
    if (error.code !== "OPSLOG_POSITION_GONE") throw error;
    // What it stands behind was undone while it was away: it begins anew.
    after = undefined;
    writeFileSync(file, "");
    appendFileSync(`${file}.gone`, `${error.message}\n`);
  }
}
