/** The archive segments that the manifest names, read without the product. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
}

/** The tokens of the archived records, by segment (its period) and id. */
export function readArchives(folder) {
  const segments = new Map();
  for (const path of readManifest(folder).archiveSegments) {
    const period = /archive-(.*)\.json$/.exec(path)[1];
    let records = {};
    try {
      ({ records } = JSON.parse(readFileSync(join(folder, path), "utf8")));
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    segments.set(period, new Map(Object.entries(records).map(([id, { t }]) => [id, t])));
  }
  return segments;
}
