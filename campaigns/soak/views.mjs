/** What fresh processes see in a folder: under other locales, in other orders of reading, and with 0.8.1. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { originalUrl } from "../../__test__/helpers/original.mjs";
import { readManifest } from "./archives.mjs";

const run = promisify(execFile);
const program = fileURLToPath(new URL("./reader.mjs", import.meta.url));
const modules = { ours: new URL("../../index.mjs", import.meta.url).href, original: originalUrl };

export const moduleOf = (store) => modules[store];

export const locales = ["en_US.UTF-8", "tr_TR.UTF-8", "ja_JP.UTF-8"];

/** Returns what a fresh process sees, as a map of tokens, and the locale that it runs under. */
export async function look(folder, { store, module, options = {}, locale }) {
  const task = JSON.stringify({ module: module ?? moduleOf(store), folder, options });
  const env = locale === undefined ? process.env : { ...process.env, LANG: locale, LC_ALL: locale };
  const limits = { env, maxBuffer: 2 ** 28, timeout: 120_000 };
  const { stdout } = await run(process.execPath, [program, task], limits);
  const { locale: found, tokens } = JSON.parse(stdout);
  return { locale: found, state: new Map(Object.entries(tokens)) };
}

/** Copies what the manifest names, with the agents' logs in another order; `use` gets the copy. */
export async function inCopy(folder, random, use) {
  const copy = mkdtempSync(`${folder}-copy-`);
  try {
    const manifest = readManifest(folder);
    const logs = random.shuffled(Object.entries(manifest.activeAgentOps ?? {}));
    const named = [manifest.currentSnapshot, manifest.activeOps, ...logs.map(([, path]) => path)];
    for (const name of ["snapshots", "ops", "archive"]) mkdirSync(join(copy, name));
    for (const path of new Set([...named, ...manifest.archiveSegments])) {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      try {
        cpSync(join(folder, path), join(copy, path));
      } catch (error) {
        if (error.code !== "ENOENT") throw error;
      }
    }
    manifest.activeAgentOps = Object.fromEntries(logs);
    writeFileSync(join(copy, "manifest.json"), JSON.stringify(manifest, null, 2));
    return await use(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true, maxRetries: 5 });
  }
}
