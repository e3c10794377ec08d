/** A server that is a program: it runs on a free port of loopback with a folder of its own, until it is stopped. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** A new folder for the data of a server. */
export const newFolder = (name) => mkdtemp(path.join(tmpdir(), `opslog-${name}-`));

/** Starts a program in a process group of its own, which ends with this process. Returns what it printed last and how to stop it. */
export function startProgram(program, args, { env = {}, cwd } = {}) {
  const options = { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true };
  const child = spawn(program, args, options);
  const started = { child, log: "" };
  const keep = (chunk) => (started.log = (started.log + chunk).slice(-4000));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  child.on("error", keep);
  const kill = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  process.once("exit", kill);
  started.stop = async () => {
    process.off("exit", kill);
    if (child.pid === undefined) return;
    const ended = child.exitCode !== null || child.signalCode !== null || once(child, "exit");
    kill();
    await ended;
  };
  return started;
}

/** Waits until the endpoint answers. Rejects if the program ends before. */
export async function answers(endpoint, { child, log }, name) {
  for (let attempt = 0; attempt < 900; attempt++) {
    if (child.exitCode !== null || child.pid === undefined) throw new Error(`${name} ended: ${log}`);
    const answer = await fetch(endpoint, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
    if (answer !== null) return void (await answer.arrayBuffer().catch(() => {}));
    await delay(200);
  }
  throw new Error(`${name} does not answer: ${log}`);
}

/**
 * Starts one program as a server. `command({ port, folder })` returns its program, arguments and environment. Returns the
 * endpoint, the credentials, and how to stop it, which deletes its folder.
 */
export async function startServerProgram(name, command, credentials) {
  const [port, folder] = [await freePort(), await newFolder(name)];
  const { program, args, ...options } = await command({ port, folder });
  const started = startProgram(program, args, { cwd: folder, ...options });
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await started.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answers(endpoint, started, name);
  } catch (error) {
    await stop();
    throw new Error(`${error.message}\n${started.log}`, { cause: error });
  }
  return { endpoint, credentials, stop };
}
