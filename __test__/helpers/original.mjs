/** The published 0.8.1, to write folders with and to compare with. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);

function originalEntry() {
  if (process.env.OPSLOG_REFERENCE) return join(process.env.OPSLOG_REFERENCE, "dist", "index.js");
  return require.resolve("opslog-reference");
}

export const originalUrl = pathToFileURL(originalEntry()).href;

export const original = await import(originalUrl);
