// A job queue in a folder: several processes take jobs, the most urgent first. One of them is killed in the middle of a job, and
// the job is done all the same: once.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Store } from "@backloghq/opslog";
import { withFolder } from "../folder.mjs";

const program = fileURLToPath(new URL("worker.mjs", import.meta.url));
const JOBS = 60;

const start = (...given) => {
  const child = fork(program, given);
  return once(child, "exit").then(([code, signal]) => signal ?? code);
};

await withFolder(async (folder) => {
  const store = new Store();
  await store.open(folder, { agentId: "desk" });
  await store.batch(() => {
    for (let n = 0; n < JOBS; n++) {
      const id = `job-${n}`;
      store.set(id, { id, n, due: (7 * n) % JOBS, status: "waiting" });
    }
  });

  console.log("how the first worker ended:", await start(folder, "ben", "5"));
  const ends = await Promise.all([start(folder, "ann"), start(folder, "cleo")]);
  console.log("how the others ended:", ends.join(", "));

  await store.refresh();
  console.log("done:", await store.countWhere({ status: "done" }));
  console.log("finished once each:", store.get("finished").count === JOBS);
  console.log(
    "results are right:",
    store.filter(({ n, result }) => n !== undefined && result !== n ** 2).length === 0,
  );
  console.log("left by the one that died:", await store.countWhere({ status: "running" }));
  await store.close();
});
