// Whether the shim sees every call: counts the calls of all workloads with it and, of the same processes, with strace.
//
//   node campaigns/faults/strace.mjs [--store ours|original]

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { memoryFolder } from "../../__test__/helpers/memory-folder.mjs";
import { kinds } from "./control.mjs";
import { workloads } from "./plans.mjs";
import { Lane } from "./run.mjs";
import { buildShim } from "./shim.mjs";

const { values } = parseArgs({ options: { store: { type: "string", default: "ours" } } });

/** The kind of a call in a line of strace's, `null` for one that is not counted. */
function kindOf(call, line) {
  if (/^(open|openat|creat)$/.test(call)) {
    // What lists a folder opens it within the C library; nothing is changed by that.
    if (/O_DIRECTORY/.test(line)) return null;
    if (/O_CREAT|O_TRUNC/.test(line) || call === "creat") return "open to create";
    return /O_WRONLY|O_RDWR/.test(line) ? "open to write" : "open to read";
  }
  // In a path that has no dot behind its last slash.
  if (call === "fsync" && /^\d+ +fsync\(\d+<[^>]*\/[^/.>]*>/.test(line)) return "fsync of a folder";
  if (call === "flock") return /LOCK_UN/.test(line) ? "unlock" : "flock";
  if (call === "unlinkat" && /AT_REMOVEDIR/.test(line)) return "rmdir";
  const name = call
    .replace(/v?64$/, "")
    .replace(/(write)v2?$/, "$1")
    .replace(/^(rename|link|unlink|mkdir)at2?$/, "$1");
  return kinds.includes(name) ? name : "other";
}

const traced = [
  ...[
    "open",
    "openat",
    "openat2",
    "creat",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "ftruncate",
  ],
  ...[
    "truncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "rename",
    "renameat",
    "renameat2",
    "link",
  ],
  ...["linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "flock", "chmod"],
  ...["fchmod", "fchmodat", "copy_file_range", "sendfile", "splice", "io_uring_enter", "mknod", "mknodat"],
];

const place = memoryFolder("opslog-strace-");
const output = join(place.folder, "strace");
const args = ["strace", "-f", "-A", "-y", "-s", "4096", "-e", `trace=${traced.join(",")}`, "-o", output];
if (spawnSync("strace", ["-V"]).status !== 0) throw new Error("there is no strace");
const lane = new Lane(buildShim(place.folder), place.folder, args);
const shim = {};
for (const workload of Object.keys(workloads)) {
  const { traces } = await lane.trace({ workload, seed: 1, store: values.store });
  for (const { kind } of traces.flat()) shim[kind] = (shim[kind] ?? 0) + 1;
}
await lane.stop();

const strace = {};
for (const line of readFileSync(output, "utf8").split("\n")) {
  const [, call] = /^\d+ +(\w+)\(/.exec(line) ?? [];
  if (call === undefined || !line.includes(`${place.folder}/stores/`)) continue;
  // What is written may name a path of the store's too.
  if (/write/.test(call) && !line.split(">")[0].includes(`${place.folder}/stores/`)) continue;
  const kind = kindOf(call, line);
  if (kind !== null) strace[kind] = (strace[kind] ?? 0) + 1;
}
place.remove();
let differs = false;
for (const kind of kinds) {
  const [seen = 0, made = 0] = [shim[kind], strace[kind]];
  differs ||= seen !== made;
  if (seen + made > 0)
    console.log(`${kind.padEnd(16)} shim ${String(seen).padStart(5)}  strace ${String(made).padStart(5)}`);
}
process.exitCode = differs ? 1 : 0;
