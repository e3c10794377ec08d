// Starts the server that was built, and prints what its route answers: `node next-server.mjs <script> [<argument>]`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

/** A port that is free at this moment. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

const port = await freePort();
const env = { ...process.env, PORT: String(port), HOSTNAME: "127.0.0.1" };
const server = spawn(process.execPath, process.argv.slice(2), { env });
let said = "";
await new Promise((resolve, reject) => {
  server.on("exit", () => reject(new Error(said)));
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      said += text;
      if (said.includes("Ready")) resolve();
    });
  }
});
console.log(await (await fetch(`http://127.0.0.1:${port}/api`)).text());
server.kill();
process.exit(0);
