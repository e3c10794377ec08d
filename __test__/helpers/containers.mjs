/** Runs programs in process namespaces of their own, as containers do: there they are process 1, and see no others. */
import { spawnSync } from "node:child_process";

const namespaces = ["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"];
const ways = [namespaces, ["--user", "--map-root-user", ...namespaces]];

const works = (options) => spawnSync("unshare", [...options, "true"], { stdio: "ignore" }).status === 0;
const way = process.platform === "linux" ? ways.find(works) : undefined;

/** Why nothing can run in a container here; `null` if it can. */
export function whyNoContainers() {
  if (process.platform !== "linux") return `process namespaces are for Linux, this is ${process.platform}`;
  return way === undefined ? "unshare --pid --mount-proc is not allowed" : null;
}

// Not the last command of the shell's: then it would become that command, and keep its own number.
const later = ["sh", "-c", 'n=$1; shift; echo $((n - 1)) >/proc/sys/kernel/ns_last_pid; "$@"; exit $?', "sh"];

/** The command in front of one that is to run in a container, as its process 1 or with another number. */
export function inContainer({ pid = 1 } = {}) {
  if (way === undefined) throw new Error(whyNoContainers());
  return ["unshare", ...way, ...(pid === 1 ? [] : [...later, String(pid)])];
}
