/** A Store in a process of its own, driven call by call, so that it can be killed, starved or moved. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { inContainer } from "./containers.mjs";
import { originalUrl } from "./original.mjs";

const program = fileURLToPath(new URL("./store-process.mjs", import.meta.url));
const oursUrl = new URL("../../index.mjs", import.meta.url).href;

class StoreProcess {
  #child;
  #pending = new Map();
  #lastRequest = 0;
  #errors = "";

  constructor(child) {
    this.#child = child;
    child.on("message", ({ request, result, error }) => {
      const waiting = this.#pending.get(request);
      this.#pending.delete(request);
      if (error) waiting.reject(Object.assign(new Error(error.message), error));
      else waiting.resolve(result);
    });
    child.stderr.on("data", (chunk) => (this.#errors += chunk));
    child.on("exit", (code, signal) => {
      const reason = new Error(`the process ended (${code ?? signal}): ${this.#errors}`);
      for (const waiting of this.#pending.values()) waiting.reject(reason);
      this.#pending.clear();
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Calls a method of the store, or a command of the program, over there. */
  call(method, ...args) {
    const request = ++this.#lastRequest;
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      this.#child.send({ request, method, args });
    });
  }

  onLine(listener) {
    let rest = "";
    this.#child.stdout.on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop();
      lines.forEach(listener);
    });
  }

  /** Ends the process at once, as a crash would, and waits until it is gone and its output is read. */
  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

/**
 * Starts the program. `original` runs 0.8.1 instead of ours; `fileSizeLimit` bounds every file that it
 * writes, in units of 512 bytes, as a full disk would; in a `container` it is process 1 among its own; `env` is added to
 * its environment.
 */
export async function startStoreProcess(
  t,
  { original = false, fileSizeLimit, container = false, env = {} } = {},
) {
  const command = [process.execPath, program, original ? originalUrl : oursUrl];
  const limited = ["sh", "-c", `ulimit -f ${fileSizeLimit} && exec "$@"`, "sh", ...command];
  const [file, ...args] = [...(container ? inContainer() : []), ...(fileSizeLimit ? limited : command)];
  const stdio = ["ignore", "pipe", "pipe", "ipc"];
  const child = spawn(file, args, { stdio, env: { ...process.env, ...env } });
  const storeProcess = new StoreProcess(child);
  t.teardown(() => storeProcess.kill());
  await storeProcess.call("ready");
  return storeProcess;
}

/** Starts the program and opens `folder` in it. */
export async function openInProcess(t, folder, options = {}, processOptions = {}) {
  const storeProcess = await startStoreProcess(t, processOptions);
  await storeProcess.call("open", folder, options);
  return storeProcess;
}
