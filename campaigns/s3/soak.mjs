// Many writers on one S3 store, for as long as is asked for:
//   node campaigns/s3/soak.mjs --minutes 10 --server NAME --backend opslog-s3|s3 [--agents 4]
// Prints the counts as JSON; fails if an acknowledged write is not there, unless the backend cannot do better.

import { parseArgs } from "node:util";
import { installClients } from "./clients.mjs";
import { runLoad } from "./load.mjs";
import { SERVER_NAMES, startServer } from "./servers.mjs";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    server: { type: "string", default: "moto" },
    backend: { type: "string", default: "s3" },
    agents: { type: "string", default: "4" },
    "kill-every-ms": { type: "string", default: "4000" },
    "lock-ttl-ms": { type: "string", default: "3000" },
  },
});

if (!SERVER_NAMES.includes(values.server) || !["opslog-s3", "s3"].includes(values.backend)) {
  console.error(`--server is one of ${SERVER_NAMES.join(", ")}; --backend is opslog-s3 or s3`);
  process.exit(2);
}

await installClients();
const server = await startServer(values.server);
try {
  const result = await runLoad({
    kind: values.backend,
    endpoint: server.endpoint,
    credentials: server.credentials,
    agents: Number(values.agents),
    seconds: Number(values.minutes) * 60,
    killEveryMs: Number(values["kill-every-ms"]),
    lockTtlMs: Number(values["lock-ttl-ms"]),
    progress: (acknowledged) => console.error(`${acknowledged} acknowledged`),
  });
  const { lost, ...counts } = result;
  console.log(JSON.stringify({ ...values, ...counts, lost: lost.length }, null, 2));
  for (const write of lost.slice(0, 20)) console.error("lost:", JSON.stringify(write));
  process.exitCode = lost.length === 0 ? 0 : 1;
} finally {
  await server.stop();
}
