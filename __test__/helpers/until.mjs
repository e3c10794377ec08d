/** Waiting for what comes by itself. */
import { setTimeout } from "node:timers/promises";

/** Resolves once a condition holds; a test that waits in vain ends with its own time limit. */
export async function until(condition) {
  while (!(await condition())) await setTimeout(5);
}
