import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "../figures.mjs";

const execute = promisify(execFile);
const session = fileURLToPath(new URL("../programs/session.mjs", import.meta.url));
const empty = fileURLToPath(new URL("../programs/empty.mjs", import.meta.url));

export async function runProgram(file, args, times) {
  const processes = [];
  const told = [];
  for (let n = 0; n < times; n += 1) {
    const began = performance.now();
    const { stdout } = await execute(process.execPath, [file, ...args]);
    processes.push(performance.now() - began);
    if (stdout !== "") told.push(JSON.parse(stdout));
  }
  const figures = Object.fromEntries(
    Object.keys(told[0] ?? {}).map((key) => [key, median(told.map((each) => each[key]))]),
  );
  return { processMs: median(processes), ...figures };
}

export default {
  id: "W15",
  title: "A whole process",
  text:
    "A program that opens a store of a million records with default options, sets one, and closes: from its " +
    "start to its end, and in the store's calls alone.",
  note: "More than half of the time in the store loads the binary. The rest of the difference from an empty process is the loading of the package's modules, and the end of the process.",
  variants: [
    { name: "10 k", bytes: 180, records: 10_000 },
    { name: "1 M", bytes: 180, records: 1_000_000, repeats: 3, slow: true },
  ],
  stores: ["ours", "original", "lmdb", "better-sqlite3", "classic-level"],
  floors: { "empty program": () => runProgram(empty, [], 10) },
  fixture: ({ records, bytes }) => ({ kind: "snapshot", records, bytes }),
  figures: { processMs: "the process, ms", engineMs: "in the store, ms" },
  main: "processMs",
  run: ({ store, folder }) => runProgram(session, [store.name, folder], store.name === "original" ? 1 : 5),
  headlines: [
    { variant: "1 M", figure: "processMs", title: "a process that opens 1 M records, sets one, closes, ms" },
  ],
  targets: [
    { variant: "1 M", figure: "engineMs", times: 500, than: "original" },
    { variant: "1 M", figure: "processMs", times: 1 / 1.2, than: "empty program" },
  ],
};
