/** `opslog stats`: how large a store is, and what it is made of. */
import { constants } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FsBackend } from "../../index.mjs";
import { reading } from "../stores.mjs";
import { bytes, count, pairs, printable } from "../style.mjs";

async function sizeOf(path) {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error.code === "ENOENT") return 0;
    throw error;
  }
}

// A pipe of that name is not waited for. Windows has no such flag, and no such pipes.
const NOW = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** The process that has the folder open for writing, if one does. */
async function writerOf(folder) {
  const content = await readFile(join(folder, ".lock"), { encoding: "utf8", flag: NOW }).catch(() => "");
  const pid = Number.parseInt(content, 10);
  // NOTE: to the system, 0 and what is below are groups of processes.
  if (!(pid > 0)) return null;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return null;
  }
  return pid;
}

/** What else than snapshot, logs in force and archive takes up bytes. */
const KINDS = {
  sealed: "sealed logs",
  superseded: "old snapshots",
  indexes: "indexes",
  other: "other files",
};

async function collect(folder, store) {
  const backend = new FsBackend();
  await backend.initialize(folder, { readOnly: true });
  const manifest = await backend.readManifest();
  const { activeRecords, opsCount } = store.stats();
  const agents = Object.keys(manifest.activeAgentOps ?? {}).filter((name) => !name.startsWith("sealed/"));
  const logs = new Set([manifest.activeOps, ...Object.values(manifest.activeAgentOps ?? {})]);
  const sizes = await Promise.all([...logs].map((log) => sizeOf(join(folder, log))));
  const { created, lastCheckpoint, archivedRecords } = manifest.stats;
  return {
    records: activeRecords,
    operations: opsCount,
    version: manifest.version,
    created,
    lastCheckpoint,
    snapshot: manifest.currentSnapshot,
    snapshotBytes: await sizeOf(join(folder, manifest.currentSnapshot)),
    logs: [...logs],
    logBytes: sizes.reduce((sum, size) => sum + size, 0),
    archiveSegments: manifest.archiveSegments,
    archivedRecords,
    agents,
    usage: await store.usage(),
    writer: await writerOf(folder),
    skippedLines: store.recovery.skippedLines.length,
    tornBytes: store.recovery.tornBytes,
  };
}

export const statsCommand = {
  summary: "how large the store is, and what it is made of",
  details: ["Counts records and operations, and names the files that make up the store."],
  async run({ folder, values, output }) {
    const found = await reading(folder, (store) => collect(folder, store));
    if (values.json) {
      output.json(found);
      return;
    }
    const rows = [
      ["records", found.records.toLocaleString("en")],
      ["operations", `${found.operations.toLocaleString("en")} since the last checkpoint`],
      ["schema version", String(found.version)],
      ["created", printable(found.created)],
      ["last checkpoint", printable(found.lastCheckpoint)],
      ["snapshot", `${printable(found.snapshot)}, ${bytes(found.snapshotBytes)}`],
      [
        found.logs.length === 1 ? "log" : "logs",
        `${found.logs.map(printable).join(", ")}, ${bytes(found.logBytes)}`,
      ],
      [
        "archive",
        `${count(found.archivedRecords, "record")} in ${count(found.archiveSegments.length, "segment")}`,
      ],
    ];
    for (const [kind, title] of Object.entries(KINDS)) {
      const { files, bytes: size } = found.usage[kind];
      if (files > 0) rows.push([title, `${bytes(size)} in ${count(files, "file")}`]);
    }
    const kinds = Object.values(found.usage);
    rows.push(["folder", `${bytes(kinds.reduce((sum, kind) => sum + kind.bytes, 0))} in all`]);
    if (found.agents.length > 0) rows.push(["agents", found.agents.map(printable).join(", ")]);
    if (found.writer !== null) rows.push(["open in process", String(found.writer)]);
    if (found.skippedLines > 0) rows.push(["malformed lines", String(found.skippedLines)]);
    if (found.tornBytes > 0) rows.push(["torn end", bytes(found.tornBytes)]);
    for (const line of pairs(rows)) output.line(line);
  },
};
