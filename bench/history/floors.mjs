/** The least that reading a history costs in JS: the lines of its logs, and values and values before, through `JSON.parse`. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const TOGETHER = 250;
const VALUES = 200_000;

function linesOf(folder, name) {
  return readFileSync(join(folder, "ops", name), "utf8")
    .trimEnd()
    .split("\n");
}

function logsOf(folder) {
  return readdirSync(join(folder, "ops")).sort();
}

/** All lines of all logs, each as an object: without the value before, where that is a patch. */
export async function parsedLines({ folder }) {
  let count = 0;
  const started = performance.now();
  for (const name of logsOf(folder)) {
    for (const line of linesOf(folder, name))
      if (line !== "") count += JSON.parse(line).id.length > 0 ? 1 : 0;
  }
  return { perSecond: (count * 1000) / (performance.now() - started) };
}

/** The value and the value before of operations of the newest log, many in one list. */
export async function parsedValues({ folder }) {
  const lines = logsOf(folder)
    .map((name) => linesOf(folder, name))
    .findLast((found) => found.length > 1);
  const lists = [];
  for (let from = 0; from < lines.length; from += TOGETHER) {
    const pairs = lines.slice(from, from + TOGETHER).map((line) => {
      const { data, prev } = JSON.parse(line);
      return [data, { ...data, ...prev?.$set }];
    });
    lists.push([pairs.length, JSON.stringify(pairs)]);
  }
  let count = 0;
  const started = performance.now();
  while (count < VALUES) {
    for (const [length, text] of lists) if (JSON.parse(text).length === length) count += length;
  }
  return { perSecond: (count * 1000) / (performance.now() - started) };
}
