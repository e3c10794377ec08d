/** Processes of their own for everything that is measured. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { makePackage } from "./package.mjs";

const program = fileURLToPath(new URL("child.mjs", import.meta.url));

const running = new Set();

const execArgv = ["--expose-gc", "--max-old-space-size=6000"];

/**
 * Starts a child with a task. Its messages come through `on("message")`. With `under`, it is started by that program,
 * whose arguments are given.
 */
export function startChild(task, under = []) {
  makePackage();
  const [execPath, ...before] = [...under, process.execPath];
  const child = fork(program, [JSON.stringify(task)], {
    silent: true,
    execPath,
    execArgv: [...before, ...execArgv],
  });
  running.add(child);
  child.on("exit", () => running.delete(child));
  return child;
}

/** Ends all children that are running. */
export function killChildren() {
  for (const child of running) child.kill("SIGKILL");
}

/** Runs a task in a child to its end and resolves to what it found. */
export function spawnChild(task, { limitMs = 300_000, under } = {}) {
  return new Promise((resolve, reject) => {
    const child = startChild(task, under);
    let found = {};
    let complaint = "";
    child.on("message", (message) => (found = message));
    child.stdout.resume();
    child.stderr.setEncoding("utf8").on("data", (text) => (complaint = (complaint + text).slice(-4000)));
    const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(found);
      else reject(new Error(`${JSON.stringify(task)} ended with ${signal ?? code}:\n${complaint}`));
    });
  });
}

/**
 * Starts another process of a workload's own, and has it run one of the workload's `parts`. `ended` resolves to what
 * the child found about itself.
 */
export function startPart({ id, store, folder, variant }, part, details) {
  const child = startChild({
    task: "part",
    workload: id,
    part,
    subject: store.name,
    variant,
    folder,
    details,
  });
  let complaint = "";
  let last;
  child.stderr.setEncoding("utf8").on("data", (text) => (complaint += text));
  child.stdout.resume();
  child.on("message", (message) => (last = message));
  const ended = new Promise((resolve, reject) => {
    child.on("close", (code) => {
      if (code === 0) resolve(last);
      else reject(new Error(`${part}: ${code}\n${complaint}`));
    });
  });
  // The caller that waits for a message hears of a failure there.
  ended.catch(() => {});
  return {
    ended,
    send: (message) => child.send(message),
    heard: () =>
      Promise.race([
        new Promise((resolve) => child.once("message", resolve)),
        ended.then(() => new Promise(() => {})),
      ]),
  };
}
