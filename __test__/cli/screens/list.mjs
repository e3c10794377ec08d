/** The screens: commands as a person gives them, by the names of their golden files. */
import { commands } from "../../../cli/commands/index.mjs";

const looks = {
  stats: ["stats", "tasks"],
  "stats-of-agents": ["stats", "agents"],
  ls: ["ls", "tasks"],
  "ls-with-fields": ["ls", "tasks", "--fields", "title,due,done,tags", "--sort", "due"],
  find: ["find", "tasks", "done=false", "--sort", "-due"],
  "find-nothing": ["find", "tasks", "done=maybe"],
  get: ["get", "tasks", "report"],
  log: ["log", "tasks"],
  "log-of-agents": ["log", "agents", "--last", "3"],
  history: ["history", "tasks", "milk"],
  "history-of-a-deleted-record": ["history", "tasks", "tax"],
  diff: ["diff", "tasks", "milk", "2026-01-31T09:06", "2026-01-31T09:07"],
  at: ["at", "tasks", "2026-01-31T09:06"],
  verify: ["verify", "tasks"],
  "verify-of-a-damaged-store": ["verify", "damaged"],
};

const changes = {
  "set-creates": ["set", "tasks", "bread", '{"title":"Buy bread"}'],
  "set-patches": ["set", "tasks", "milk", '{"due":"2026-02-09","tags":["home","later"]}', "--patch"],
  rm: ["rm", "tasks", "milk", "report"],
  undo: ["undo", "tasks", "2"],
  revert: ["revert", "tasks", "2026-01-31T09:06"],
  backup: ["backup", "tasks", "copy"],
  "export-to-a-file": ["export", "tasks", "--to", "tasks.jsonl"],
  "export-as-csv": ["export", "tasks", "--format", "csv"],
  import: ["import", "people", "people.csv"],
  compact: ["compact", "tasks"],
  prune: ["prune", "tasks", "--dry-run"],
  repair: ["repair", "damaged"],
  recover: ["recover", "damaged", "recovered"],
};

const errors = {
  "no-such-command": ["histroy", "tasks"],
  "no-such-option": ["ls", "tasks", "--sotr", "due"],
  "no-such-record": ["get", "tasks", "bread"],
  "no-store": ["ls", "photos"],
  "no-folder": ["verify", "tasks/manifest.json"],
  "no-time": ["log", "tasks", "--since", "yesterday"],
  "no-condition": ["find", "tasks", "done"],
  "no-store-to-import-into": ["import", "photos", "people.csv"],
  "no-record-to-import": ["import", "people", "broken.jsonl"],
  "a-damaged-store": ["ls", "damaged"],
};

const helps = Object.fromEntries(Object.keys(commands).map((name) => [`help-${name}`, [name, "--help"]]));

export const screens = { help: ["--help"], ...helps, ...looks, ...changes, ...errors };

/** The widths at which each is kept. */
export const WIDTHS = [60, 100, 160];

/** The session that README.md has a picture of: commands that are given one after the other. */
export const session = [
  ["ls", "list", "--fields", "title,due,done", "--sort", "due"],
  ["history", "list", "milk"],
  ["revert", "list", "2026-01-31T09:04", "--id", "milk"],
  ["find", "list", "done=false"],
];
