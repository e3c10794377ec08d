// The long campaign on an S3 server: rounds of eight agents and of single writers that replace each other, each writer a process behind a
// proxy that does harm, killed, stopped, with a clock that is wrong by a day:
//   node campaigns/s3/long.mjs --minutes 60 --server moto|radosgw [--from 1] [--seconds 40] [--agents 8] [--per-mille 150]
//   [--kill-every-ms 900] [--burst 5000]
// Prints a line for each round and the sum at the end. Fails at the first round with something wrong. Ctrl-C ends it after the round.

import { parseArgs } from "node:util";
import { installClients } from "./clients.mjs";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    server: { type: "string", default: "moto" },
    from: { type: "string", default: "1" },
    seconds: { type: "string", default: "40" },
    agents: { type: "string", default: "8" },
    "per-mille": { type: "string", default: "150" },
    "kill-every-ms": { type: "string", default: "900" },
    // How many records a writer sets at once at most.
    burst: { type: "string", default: "5000" },
  },
});

await installClients();
const { runRound } = await import("./long/round.mjs");
const { SERVER_NAMES, startServer } = await import("./servers.mjs");
if (!SERVER_NAMES.includes(values.server)) {
  console.error(`--server is one of ${SERVER_NAMES.join(", ")}`);
  process.exit(2);
}
let isOver = false;
process.once("SIGINT", () => (isOver = true));
const server = await startServer(values.server);
const sum = { rounds: 0, faults: {}, refusals: {} };
const add = (to, from) => {
  for (const [name, count] of Object.entries(from)) to[name] = (to[name] ?? 0) + count;
};
const end = Date.now() + Number(values.minutes) * 60_000;
try {
  for (let seed = Number(values.from); Date.now() < end && !isOver; seed++) {
    const agents = seed % 2 === 0 ? 0 : Number(values.agents);
    const { counts, faults, refusals, wrong, crashes } = await runRound({
      endpoint: server.endpoint,
      credentials: server.credentials,
      seed,
      agents,
      seconds: Number(values.seconds),
      perMille: Number(values["per-mille"]),
      killEveryMs: Number(values["kill-every-ms"]),
      burst: Number(values.burst),
    });
    sum.rounds++;
    add(sum, counts);
    add(sum.faults, faults);
    add(sum.refusals, refusals);
    console.log(`round ${seed}, ${agents || "single writers"}: ${JSON.stringify(counts)}`);
    for (const text of crashes.slice(0, 3)) console.log(`a process said: ${text}`);
    if (wrong.length === 0) continue;
    console.log(`${wrong.length} wrong:`);
    for (const what of wrong.slice(0, 20)) console.log(what);
    process.exitCode = 1;
    break;
  }
} finally {
  console.log(JSON.stringify(sum, null, 2));
  await server.stop();
}
