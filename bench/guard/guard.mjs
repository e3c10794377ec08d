// `npm run bench:guard`: what the hot paths of the native side cost, counted and not timed: instructions (valgrind's callgrind),
// calls of the system (strace), requests for memory (an allocator that counts). A count over its limit in limits.json fails.
//
//   npm run bench:guard -- --only batch   one kind of work, see hot_paths.rs
//   npm run bench:guard -- --write        takes what was counted for the limits, with some room

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { fail, requireCargo, requireNode, root } from "../../scripts/setup.mjs";

const WORKS = [
  ...["insert", "first of a turn", "update", "delete", "undo", "get"],
  ...["batch", "batch of updates", "in flight", "buffered", "agent"],
  ...["tail", "agent's tail"],
];
/** What is counted is the difference between two runs, so that opening falls out of it. */
const [FEW, MANY] = [1000, 3000];
/** How much more than what was counted a limit allows: a compiler may choose otherwise. */
const ROOM = { instructions: 1.08, calls: 1.02, allocations: 1.02 };

const limitsFile = path.join(root, "bench/guard/limits.json");
const { values } = parseArgs({ options: { only: { type: "string" }, write: { type: "boolean" } } });
if (values.only !== undefined && !WORKS.includes(values.only)) {
  fail(`There is no work ${JSON.stringify(values.only)}; there are ${WORKS.join(", ")}.`);
}

const isThere = (program) => spawnSync(program, ["--version"]).status === 0;

/** Builds the program. Its crates are optimised one by one: that takes a third of the time, and is the same each time. */
function build() {
  const env = {
    ...process.env,
    CARGO_PROFILE_RELEASE_LTO: "off",
    CARGO_PROFILE_RELEASE_STRIP: "none",
    CARGO_TARGET_DIR: path.join(root, "target/guard"),
  };
  const args = ["build", "--release", "--example", "hot_paths"];
  if (spawnSync("cargo", args, { cwd: root, stdio: "inherit", env }).status !== 0) fail("It does not build.");
  return path.join(root, "target/guard/release/examples/hot_paths");
}

/** Runs the program under another one, in a folder of its own, and gives what `read` makes of the output. */
function counted(under, program, work, count, read) {
  const folder = mkdtempSync(path.join(tmpdir(), "opslog-guard-"));
  try {
    const [command, ...args] = [...under(folder), program, work, String(count), path.join(folder, "store")];
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26 });
    if (status !== 0) fail(`${work}: ${stderr}`);
    return read({ stdout, stderr, folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const COUNTERS = {
  instructions: {
    needs: "valgrind",
    under: (folder) => ["valgrind", "--tool=callgrind", `--callgrind-out-file=${path.join(folder, "out")}`],
    read: ({ stderr }) => Number(/Collected : (\d+)/.exec(stderr)[1]),
  },
  calls: {
    needs: "strace",
    under: (folder) => ["strace", "-f", "-c", "-U", "calls,name", "-o", path.join(folder, "calls")],
    read: ({ folder }) => Number(/(\d+)\s+total/.exec(readFileSync(path.join(folder, "calls"), "utf8"))[1]),
  },
  allocations: { under: () => [], read: ({ stdout }) => Number(stdout) },
};

function perOperation({ under, read }, program, work) {
  const [few, many] = [FEW, MANY].map((count) => counted(under, program, work, count, read));
  return (many - few) / (MANY - FEW);
}

requireNode();
requireCargo();
if (process.platform !== "linux") fail("The guard counts on Linux.");
const counters = Object.entries(COUNTERS).filter(([name, { needs }]) => {
  if (needs === undefined || isThere(needs)) return true;
  console.log(`${needs} is not installed: ${name} are not counted.`);
  return false;
});
if (values.write && counters.length < Object.keys(COUNTERS).length) fail("Limits need all of the counters.");
const program = build();
const limits = JSON.parse(readFileSync(limitsFile, "utf8"));
const rows = [];
for (const work of WORKS.filter((work) => values.only === undefined || values.only === work)) {
  const row = { work };
  for (const [name, counter] of counters) {
    const found = perOperation(counter, program, work);
    if (values.write) (limits[work] ??= {})[name] = Math.ceil(found * ROOM[name] * 100) / 100;
    const limit = limits[work]?.[name];
    const isOver = limit === undefined || found > limit;
    if (isOver) process.exitCode = 1;
    row[name] = `${found.toFixed(2)}${isOver ? ` over ${limit}` : ""}`;
  }
  rows.push(row);
}
console.table(Object.fromEntries(rows.map(({ work, ...row }) => [work, row])));
if (values.write) writeFileSync(limitsFile, `${JSON.stringify(limits, null, 2)}\n`);
console.log(
  process.exitCode === 1 ? "Something costs more than its limit." : "Nothing costs more than its limit.",
);
