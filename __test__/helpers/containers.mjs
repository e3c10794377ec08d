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

/** The command in front of one that is to run in a container. */
export function inContainer() {
  if (way === undefined) throw new Error(whyNoContainers());
  return ["unshare", ...way];
}
