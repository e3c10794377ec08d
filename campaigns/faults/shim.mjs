/** Builds the shim, and starts programs under it. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("./shim.c", import.meta.url));

/** Why there can be no shim here; `null` if there can. */
export function whyNot() {
  if (process.platform !== "linux") return `the shim is for Linux, this is ${process.platform}`;
  const { status, error } = spawnSync("cc", ["--version"], { stdio: "ignore" });
  return status === 0 ? null : `there is no C compiler named cc (${error?.code ?? status})`;
}

/** Compiles the shim into a folder and returns its path. */
export function buildShim(folder) {
  const library = join(folder, "shim.so");
  if (existsSync(library) && statSync(library).mtimeMs > statSync(source).mtimeMs) return library;
  const args = ["-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", library, source, "-ldl"];
  const { status, stderr } = spawnSync("cc", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the shim could not be built:\n${stderr}`);
  return library;
}

/** The environment of a program under the shim, which looks at what is below `root`. */
export function underShim(library, { root, control }) {
  return {
    LD_PRELOAD: library,
    OPSLOG_FAULTS_ROOT: root,
    OPSLOG_FAULTS_CONTROL: control,
    // What libuv hands to the kernel through a ring passes by no function of the C library.
    UV_USE_IO_URING: "0",
  };
}

/** Starts a program of Node's under the shim. `before`: a program to run it. */
export function startUnder(library, { program, root, control, before = [] }) {
  const [file, ...args] = [...before, process.execPath, program];
  return spawn(file, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...underShim(library, { root, control }) },
  });
}
