/** The published 0.8.1 that the demo runs beside ours. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const folder = process.env.OPSLOG_REFERENCE;
const entry = folder ? join(folder, "dist", "index.js") : require.resolve("opslog-reference");

export const { Store: OriginalStore } = await import(pathToFileURL(entry).href);
