/** All commands, in the order in which the help shows them. */
import { atCommand } from "./at.mjs";
import { backupCommand } from "./backup.mjs";
import { compactCommand } from "./compact.mjs";
import { diffCommand } from "./diff.mjs";
import { exportCommand } from "./export.mjs";
import { getCommand } from "./get.mjs";
import { historyCommand } from "./history.mjs";
import { importCommand } from "./import.mjs";
import { logCommand } from "./log.mjs";
import { lsCommand } from "./ls.mjs";
import { pruneCommand } from "./prune.mjs";
import { recoverCommand } from "./recover.mjs";
import { repairCommand } from "./repair.mjs";
import { revertCommand } from "./revert.mjs";
import { statsCommand } from "./stats.mjs";
import { uiCommand } from "./ui.mjs";
import { verifyCommand } from "./verify.mjs";

export const commands = {
  stats: statsCommand,
  get: getCommand,
  ls: lsCommand,
  log: logCommand,
  history: historyCommand,
  diff: diffCommand,
  at: atCommand,
  ui: uiCommand,
  verify: verifyCommand,
  backup: backupCommand,
  export: exportCommand,
  import: importCommand,
  compact: compactCommand,
  revert: revertCommand,
  prune: pruneCommand,
  repair: repairCommand,
  recover: recoverCommand,
};
