/** `opslog stats`: how large a store is, and what it is made of. */
import { constants } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FsBackend } from "../../index.mjs";
import { reading } from "../stores.mjs";
import { bytes, count, grouped } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { pairs } from "../terminal/table.mjs";

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

/** So many agents are named. */
const NAMED = 5;

function agentsRow(agents) {
  const named = agents.slice(0, NAMED).map(printable).join(", ");
  const rest = agents.length - NAMED;
  return rest > 0 ? `${grouped(agents.length)}: ${named} and ${grouped(rest)} more` : named;
}

/** One log is named; several are counted, for an agent has one of its own, and --json names all. */
function logRow({ logs, logBytes }) {
  if (logs.length === 1) return ["log", `${printable(logs[0])}, ${bytes(logBytes)}`];
  return ["logs", `${bytes(logBytes)} in ${count(logs.length, "file")}`];
}

function rowsOf(found) {
  const rows = [
    ["records", grouped(found.records)],
    ["operations", `${grouped(found.operations)} since the last checkpoint`],
    ["schema version", String(found.version)],
    ["created", printable(found.created)],
    ["last checkpoint", printable(found.lastCheckpoint)],
    ["snapshot", `${printable(found.snapshot)}, ${bytes(found.snapshotBytes)}`],
    logRow(found),
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
  if (found.agents.length > 0) rows.push(["agents", agentsRow(found.agents)]);
  if (found.writer !== null) rows.push(["open in process", String(found.writer)]);
  if (found.skippedLines > 0) rows.push(["malformed lines", grouped(found.skippedLines)]);
  if (found.tornBytes > 0) rows.push(["torn end", bytes(found.tornBytes)]);
  return rows;
}

export const statsCommand = {
  summary: "show the size of the store and of its parts",
  details: [
    "Counts records and operations, and adds up the bytes of the folder by purpose. With --json, all files and agents are named.",
  ],
  examples: ["stats ./data"],
  async run({ folder, values, output }) {
    const found = await reading(folder, (store) => collect(folder, store));
    if (values.json) output.json(found);
    else for (const line of pairs(rowsOf(found))) output.line(line);
  },
};
