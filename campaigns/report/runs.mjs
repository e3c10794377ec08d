/**
 * What a campaign printed, as a file of docs/reliability/ keeps it: the command, then where and when it ran and how it ended, then its
 * last lines.
 */
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { root } from "../../scripts/setup.mjs";
import { commandOf, fileOf } from "./campaigns.mjs";

export const folder = path.join(root, "docs/reliability");

/** Enough for the longest tables, those of `npm run verify:package`. */
export const LINES_KEPT = 140;

/** Lines that are no result: blank ones, progress, what cargo says of its build and of tests that pass, and the frames of a stack. */
export const isProgress = (line) =>
  line.trim() === "" ||
  /^\s*(Compiling|Finished|Running|Building|Fresh|Checking|Downloaded|Downloading|Updating|Locking)\b/.test(
    line,
  ) ||
  /^(running \d+ tests?$|test .* \.\.\. ok$)/.test(line) ||
  /^\s+at .*(file|node):/.test(line) ||
  /^\s*\d+ s[: ] |^\s*\d+ rounds, \d+ s$/.test(line);

/** Keeps the last lines of what goes through, without progress. */
export class LastLines {
  lines = [];
  add(line) {
    if (isProgress(line)) return;
    this.lines.push(line.trimEnd().replaceAll(root, "."));
    if (this.lines.length > LINES_KEPT) this.lines.shift();
  }
}

/** The text of the file. */
export function textOf(campaign, { origin, day, seconds, status, lines }) {
  const place = `${process.platform} ${process.arch}, ${os.availableParallelism()} cores`;
  const end = status === 0 ? "passed" : `FAILED (${status})`;
  return `${[`$ ${commandOf(campaign)}`, `${origin}, ${place}, ${day}, ${seconds} s, ${end}`, ...lines].join("\n")}\n`;
}

/** What was kept of a campaign: its text and, if it had the same arguments, how many seconds it took. `undefined` if it has not run yet. */
export function keptOf(campaign) {
  const file = path.join(folder, fileOf(campaign));
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8").trimEnd();
  const [command, where] = text.split("\n");
  const [, seconds] = /, (\d+) s, (?:passed|FAILED)/.exec(where) ?? [];
  return { text, seconds: command === `$ ${commandOf(campaign)}` && seconds ? Number(seconds) : undefined };
}
