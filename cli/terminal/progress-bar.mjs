/** How far long work has come, on stderr: a bar on a terminal, lines elsewhere if they were asked for. */
import { tell } from "../output.mjs";
import { bytes, grouped } from "./numbers.mjs";

const WIDTH = 30;
const verbs = {
  "read-snapshot": "reading the snapshot",
  "read-log": "reading the log",
  "write-snapshot": "writing the snapshot",
  archive: "archiving",
  verify: "checking",
  backup: "copying",
  prune: "deleting",
  recover: "recovering",
  "build-index": "building an index",
  export: "exporting",
  import: "importing",
};

/** Options that a command with progress has. */
export const progressOption = { progress: { type: "boolean", help: "print the progress on stderr" } };

function amount(number, unit) {
  return unit === "bytes" ? bytes(number) : `${grouped(number)} ${unit}`;
}

function describe({ phase, done, total, unit }, columns) {
  const verb = (verbs[phase] ?? phase).padEnd(20);
  if (total === 0) return `${verb} ${amount(done, unit)}`;
  const part = done / total;
  const percent = `${Math.floor(part * 100)}%`.padStart(4);
  const end = `${percent} of ${amount(total, unit)}`;
  // A line that the terminal breaks could not be taken away again.
  const size = Math.min(WIDTH, columns - verb.length - end.length - 5);
  if (size < 5) return `${verb.trimEnd()} ${percent.trim()}`;
  return `${verb} [${"#".repeat(Math.round(part * size)).padEnd(size, ".")}] ${end}`;
}

/** Returns `{ onProgress, end }`; `onProgress` is `undefined` if no terminal shows it. */
export function progressBar({ json = false, progress = false }) {
  const isTerminal = process.stderr.isTTY === true && process.env.TERM !== "dumb";
  if (!progress && (json || !isTerminal)) return { onProgress: undefined, end() {} };
  if (!isTerminal) return { onProgress: (state) => tell(`${describe(state, Infinity)}\n`), end() {} };
  let shown = false;
  return {
    onProgress: (state) => {
      shown = true;
      tell(`\r\u001b[K${describe(state, process.stderr.columns || 80)}`);
    },
    end() {
      if (shown) tell("\r\u001b[K");
      shown = false;
    },
  };
}
