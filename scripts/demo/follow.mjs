/** A read-only process follows a writer of ours live, across checkpoints. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { difference, timed } from "./side-by-side.mjs";

const patienceMs = 20_000;
const reader = fileURLToPath(new URL("./follow-reader.mjs", import.meta.url));

async function write(store, written) {
  const set = async (id, n) => {
    await store.set(id, { from: "follow", name: id, n, dependencies: {} });
    written.push(id);
  };
  for (let n = 0; n < 300; n++) {
    await set(`follow:${n}`, n);
    if (n % 20 === 0) await delay(2);
    if (n === 100 || n === 200) await store.compact();
  }
  await set("follow:end", 300);
}

export async function runFollowStep(account, Store, folder) {
  const store = new Store();
  await store.open(folder);
  const child = fork(reader, [folder], { stdio: "inherit" });
  const ended = once(child, "exit");
  const seen = [];
  let entries = [];
  await once(child, "message");
  child.on("message", (message) => {
    if (message.ids) seen.push(...message.ids);
    if (message.entries) entries = message.entries;
  });
  const written = [];
  const { ms } = await timed(async () => {
    await write(store, written);
    await Promise.race([ended, delay(patienceMs, null, { ref: false })]);
  });
  child.kill();
  account.row(
    "follow",
    `a read-only process saw ${seen.length} of ${written.length} writes across 2 checkpoints`,
    ms,
  );
  account.expect(isDeepStrictEqual(seen, written), "follow: not every write was seen once and in order");
  const found = difference(store.entries(), entries);
  account.expect(found === null, `follow: ${found}`);
  await store.close();
}
