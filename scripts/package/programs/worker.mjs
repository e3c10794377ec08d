import { Worker } from "node:worker_threads";

const works = (n) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./esm.mjs", import.meta.url), { name: `opslog-${n}`, stdout: true });
    worker.on("error", reject);
    worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
  });
await Promise.all([works(1), works(2), works(3)]);
console.log("works");
