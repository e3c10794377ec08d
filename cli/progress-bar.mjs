/** How far long work has come, on stderr: a bar on a terminal, lines elsewhere if they were asked for. */
import { writeAll } from "./output.mjs";
import { bytes } from "./style.mjs";

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
  export: "exporting",
  import: "importing",
};

/** Options that a command with progress has. */
export const progressOption = { progress: { type: "boolean", help: "tell on stderr how far it has come" } };

function amount(number, unit) {
  return unit === "bytes" ? bytes(number) : `${number.toLocaleString("en")} ${unit}`;
}

function describe({ phase, done, total, unit }) {
  const verb = (verbs[phase] ?? phase).padEnd(20);
  if (total === 0) return `${verb} ${amount(done, unit)}`;
  const part = done / total;
  const bar = "#".repeat(Math.round(part * WIDTH)).padEnd(WIDTH, ".");
  const percent = `${Math.floor(part * 100)}%`.padStart(4);
  return `${verb} [${bar}] ${percent} of ${amount(total, unit)}`;
}

/** Returns `{ onProgress, end }`; `onProgress` is `undefined` if no terminal shows it. */
export function progressBar({ json = false, progress = false }) {
  const isTerminal = process.stderr.isTTY === true;
  if (!progress && (json || !isTerminal)) return { onProgress: undefined, end() {} };
  if (!isTerminal) return { onProgress: (state) => show(`${describe(state)}\n`), end() {} };
  let shown = false;
  return {
    onProgress: (state) => {
      shown = true;
      show(`\r\u001b[K${describe(state)}`);
    },
    end() {
      if (shown) show("\r\u001b[K");
      shown = false;
    },
  };
}

function show(text) {
  try {
    writeAll(2, text);
  } catch {
    // No terminal shows it.
  }
}
