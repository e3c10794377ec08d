// A dashboard that follows a store which another process writes. It takes no lock, writes nothing, and sees each
// operation once, whatever the writer does: checkpoints, undos.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Store } from "@backloghq/opslog";
import { withFolder } from "../folder.mjs";

/** Sensors and how warm it is there, as the dashboard shows it. */
function show(store, news) {
  const changed = [...new Set(news.map(({ id }) => id))].sort();
  const hottest = store.entries().sort(([, a], [, b]) => b.celsius - a.celsius)[0];
  console.log(`changed: ${changed.join(", ")}; hottest: ${hottest[0]} with ${hottest[1].celsius}`);
}

await withFolder(async (folder) => {
  const writer = spawn(process.execPath, [fileURLToPath(new URL("writer.mjs", import.meta.url)), folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  /** Has the writer do a step, and waits until it is done. */
  const step = async () => {
    writer.stdin.write("\n");
    await once(writer.stdout, "data");
  };
  await once(writer.stdout, "data");

  const store = new Store();
  await store.open(folder, { readOnly: true });
  for (let n = 0; n < 4; n++) {
    await step();
    // A real dashboard would call store.watch(show, 1000) instead.
    show(store, await store.tail());
  }
  await store.close();

  writer.stdin.end();
  await once(writer, "exit");
});
