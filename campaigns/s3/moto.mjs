/** moto, an S3 server from PyPI, on a free port of loopback. It is installed once, below node_modules/.cache. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { installOnce } from "./installing.mjs";
import { freePort } from "./servers/program.mjs";

const run = promisify(execFile);
const cache = fileURLToPath(new URL("../../node_modules/.cache/opslog-moto", import.meta.url));
const requirement = "moto[server]";
const python = path.join(
  cache,
  ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]),
);

// One request at a time, unless threads are asked for: moto tests a condition and writes in two steps.
const program = `
import os, sys, threading
from werkzeug.serving import run_simple
from moto.server import DomainDispatcherApplication, create_backend_app
def end_with_parent():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=end_with_parent, daemon=True).start()
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=sys.argv[2] == "true")
`;

async function findPython() {
  for (const name of ["python3", "python"]) {
    const { stdout } = await run(name, ["--version"]).catch(() => ({ stdout: "" }));
    if (stdout.startsWith("Python 3")) return name;
  }
  return null;
}

/** Whether moto can be installed here: only a missing Python is a reason not to. */
export async function hasPython() {
  return (await findPython()) !== null;
}

const install = () =>
  installOnce(cache, requirement, async () => {
    const host = await findPython();
    if (host === null) throw new Error("moto needs python3");
    await run(host, ["-m", "venv", cache]);
    await run(python, ["-m", "pip", "install", "--quiet", requirement], { maxBuffer: 64 << 20 });
  });

/** Starts the server. Returns its endpoint, and how to stop it. With `threaded` it serves several requests at once. */
export async function startMoto({ threaded = false } = {}) {
  await install();
  const port = await freePort();
  const child = spawn(python, ["-c", program, String(port), String(threaded)], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk) => (log = (log + chunk).slice(-4000)));
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error(`moto ended: ${log}`);
    if (
      await fetch(endpoint).then(
        (answer) => answer.text(),
        () => null,
      )
    )
      return { endpoint, stop };
    await delay(100);
  }
  await stop();
  throw new Error(`moto does not answer: ${log}`);
}
