/** What a folder holds, parsed, and without the names that carry a time: for comparing two folders. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Fields of an operation that 0.8.1 knows. Ours may write more; 0.8.1 ignores those. */
const operationFields = ["ts", "op", "id", "prev", "data", "agent", "clock", "encoding"];
const manifestFields = ["version", "currentSnapshot", "activeOps", "archiveSegments", "stats"];

/** Names that may stand in a folder after close(); a store of ours may also have `index/`. */
const expectedNames = [
  /^manifest\.json$/,
  /^snapshots\/snap-\d+\.jsonl$/,
  /^ops\/ops-\d+\.jsonl$/,
  /^archive\/archive-[^/]+\.json$/,
  /^index\/[^/]+$/,
];

/** Lists the files below `folder`, with `/` between names. */
export function filesOf(folder) {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return found
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
    .map((name) => name.replaceAll("\\", "/"))
    .sort();
}

/** Returns every file's text by its name. */
export function treeOf(folder) {
  return Object.fromEntries(filesOf(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

/** Files that have no business in a closed store's folder: temporaries, locks, torn bytes. */
export function strayFiles(folder) {
  return filesOf(folder).filter((name) => !expectedNames.some((expected) => expected.test(name)));
}

/** The manifest's fields that 0.8.1 knows. */
export function readStoredManifest(folder) {
  return pick(JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")), manifestFields);
}

/** The header and the records of a snapshot of lines, in file order. */
export function readStoredSnapshot(folder, name) {
  const [header, ...lines] = parsedLines(join(folder, name));
  return { ...header, records: lines.map(({ id, data }) => [id, data]) };
}

/** The operation without what only ours writes. */
export const asTheOriginalWrites = (operation) => pick(operation, operationFields);

/** The operations of a WAL in file order, as 0.8.1 would see them. */
export function readStoredOperations(folder, name) {
  return parsedLines(join(folder, name)).map(asTheOriginalWrites);
}

/** What a closed store left: manifest, current snapshot, current WAL, every archive segment. */
export function storedState(folder) {
  const { currentSnapshot, activeOps, ...manifest } = readStoredManifest(folder);
  const { timestamp, ...snapshot } = readStoredSnapshot(folder, currentSnapshot);
  return {
    manifest,
    snapshot,
    snapshotTime: timestamp,
    operations: readStoredOperations(folder, activeOps),
    archives: manifest.archiveSegments.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8"))),
  };
}

function parsedLines(path) {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

function pick(object, fields) {
  return Object.fromEntries(
    fields.filter((name) => Object.hasOwn(object, name)).map((name) => [name, object[name]]),
  );
}
