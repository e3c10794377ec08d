/** All commands, in the groups and in the order in which the help shows them. */
import { atCommand } from "./at.mjs";
import { backupCommand } from "./backup.mjs";
import { compactCommand } from "./compact.mjs";
import { completionCommand } from "./completion.mjs";
import { diffCommand } from "./diff.mjs";
import { exportCommand } from "./export.mjs";
import { getCommand } from "./get.mjs";
import { historyCommand } from "./history.mjs";
import { importCommand } from "./import.mjs";
import { logCommand } from "./log.mjs";
import { findCommand, lsCommand } from "./ls.mjs";
import { pruneCommand } from "./prune.mjs";
import { recoverCommand } from "./recover.mjs";
import { repairCommand } from "./repair.mjs";
import { revertCommand } from "./revert.mjs";
import { rmCommand } from "./rm.mjs";
import { setCommand } from "./set.mjs";
import { statsCommand } from "./stats.mjs";
import { uiCommand } from "./ui.mjs";
import { undoCommand } from "./undo.mjs";
import { verifyCommand } from "./verify.mjs";

export const groups = {
  Look: { stats: statsCommand, ls: lsCommand, find: findCommand, get: getCommand, ui: uiCommand },
  "Look back": { log: logCommand, history: historyCommand, diff: diffCommand, at: atCommand },
  Change: { set: setCommand, rm: rmCommand, undo: undoCommand, revert: revertCommand },
  Copy: { backup: backupCommand, export: exportCommand, import: importCommand },
  "Keep in order": {
    verify: verifyCommand,
    repair: repairCommand,
    recover: recoverCommand,
    compact: compactCommand,
    prune: pruneCommand,
  },
  Shell: { completion: completionCommand },
};

export const commands = Object.assign({}, ...Object.values(groups));

/** What other programs call these commands. */
export const otherNames = {
  add: "set",
  cat: "get",
  check: "verify",
  browse: "ui",
  copy: "backup",
  create: "set",
  del: "rm",
  delete: "rm",
  dump: "export",
  fix: "repair",
  gc: "prune",
  info: "stats",
  insert: "set",
  list: "ls",
  load: "import",
  put: "set",
  query: "find",
  remove: "rm",
  restore: "revert",
  rollback: "revert",
  search: "find",
  select: "find",
  show: "get",
  tail: "log",
  update: "set",
  watch: "log",
};
