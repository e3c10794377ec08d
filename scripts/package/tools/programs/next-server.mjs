// Starts the server that was built, and prints what its route answers: `node next-server.mjs <script> [<argument>]`.

import { spawn } from "node:child_process";

const server = spawn(process.execPath, process.argv.slice(2), {
  env: { ...process.env, PORT: "0", HOSTNAME: "127.0.0.1" },
});
let said = "";
const address = await new Promise((resolve, reject) => {
  server.on("exit", () => reject(new Error(said)));
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      said += text;
      const [, port] = /http:\/\/(?:localhost|127\.0\.0\.1):(\d+)/.exec(said) ?? [];
      if (port !== undefined && said.includes("Ready")) resolve(`http://127.0.0.1:${port}/api`);
    });
  }
});
console.log(await (await fetch(address)).text());
server.kill();
process.exit(0);
