/** What an agent tells its parent: one JSON array per line, written before the next step is taken. */
import { writeSync } from "node:fs";

/** The monotonic clock of the system, the same for all processes. */
export const microseconds = () => Number(process.hrtime.bigint() / 1000n);

export function say(...message) {
  let bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

export function sayFailure(what, which, error, ...more) {
  say(what, which, error.code ?? error.name, String(error.message).slice(0, 300), ...more);
}
