// Which specs run under Wine.

const FILES_ALONE = "looks into files alone, which are the same everywhere";
const SERVER = "starts a server of S3 that is a program of this machine";
const SIGNALS = "Windows has no signal that a program could answer to";
const LINKS = "needs links, and Wine makes none: Node's symlink() says ENOTSUP or makes nothing";
const BROWSER = "looks at the page in a browser of this machine";

/** Those that cannot, each with its reason. */
export const LEFT_OUT = {
  "cli/ends": SIGNALS,
  "files/faults": "loads a library in front of libc",
  "files/hostile-links": LINKS,
  "package/api-examples": LINKS,
  "package/api-reference": FILES_ALONE,
  "package/architecture": FILES_ALONE,
  "package/bench": "tests the benchmark's own scripts, which compare stores of this machine",
  "package/campaigns": FILES_ALONE,
  "package/contents": FILES_ALONE,
  "package/dependents": "installs packages with a shell of POSIX",
  "package/limits": FILES_ALONE,
  "package/mach-o": FILES_ALONE,
  "package/overrides": "runs package managers of this machine",
  "package/published": "packs with npm and cargo of this machine",
  "package/readme": LINKS,
  "processes/hands":
    "puts other files in the place of open ones, and Wine lets no file be replaced that is open",
  "processes/model":
    "compares clocks to the millisecond, and Wine's timers are late: the model is a stage of its own",
  "processes/moved-package": LINKS,
  "processes/panics": "needs a binary that is built to panic",
  "processes/soak": "starts processes with POSIX's signals",
  "processes/workflows": FILES_ALONE,
  "s3/answers": SERVER,
  "s3/deletion": SERVER,
  "s3/example": SERVER,
  "s3/faults": SERVER,
  "s3/fencing": SERVER,
  "s3/fetch": SERVER,
  "s3/history": SERVER,
  "s3/large": SERVER,
  "s3/requests": SERVER,
  "s3/servers": SERVER,
  "s3/store": SERVER,
  "ui/keyboard": BROWSER,
  "ui/views": BROWSER,
};

const MEMORY = [];
/**
 * Wine's server keeps every closed handle of a file that is locked until the lock is gone: stores that are all open at once, as
 * the tests of a spec are, would take it to the greatest number of open files that a process may have.
 */
const ONE_BY_ONE = ["--serial"];

/** Those that have a process of their own, with options of ava's: they measure its memory, or open many files. */
export const ALONE = {
  "backend/following": MEMORY,
  "backend/memory": MEMORY,
  "following/foreign-lines": ONE_BY_ONE,
  "store/memory": MEMORY,
  "writing/turns": ONE_BY_ONE,
};

const APPENDS =
  "Wine appends in two steps, and two processes overwrite each other's lines: two programs of Node alone lose some of 4,000";

const DELETES =
  "Wine deletes a file that is locked only when the lock is gone, and the logs of agents and writers are";

/** Tests of the others that cannot, by a pattern of their titles, each with its reason. */
export const TESTS_LEFT_OUT = {
  "backend/fs-document": {
    "loadArchiveSegment(), of any segment in any layout, *":
      "compares with JSON.parse(), which takes the name '\"' for '\\' in Node 24.21.0, the newest 24 that npm has for Windows, on Linux too",
  },
  "cli/entry": {
    "npx opslog, of the package installed, runs the program":
      "runs npm, which is not in the package of Node for Windows",
  },
  "files/hostile-size": {
    "a value of 100 MB comes back *":
      "has a working set of 950 MB in some runs under Wine and of 1,050 MB in others, and 1,000 MB are allowed; on Linux it is 700 to 800 MB",
  },
  "files/backup": { "backup() to a folder that cannot be, rejects and leaves everything as it was": LINKS },
  "following/chain": {
    "tail() of a reader, the folder of a single writer was put back behind a compaction, *": DELETES,
    "tail() and refresh() of a reader, the folder of agents was deleted and copied back, *": DELETES,
  },
  "following/foreign-lines": {
    "*, another process appends all the time, *": APPENDS,
    "set(), another process put another file in the place of the log, *":
      "Wine lets no file be replaced that is open: Node's own rename() says EPERM",
  },
  "processes/workers": {
    "a SIGTERM that the program answers *": SIGNALS,
    "a default SIGTERM with a full buffer, *": SIGNALS,
  },
  "retention/prune": {
    "prune(), an agent that has called tail() misses nothing, *": DELETES,
  },
  "ui/command": {
    "opslog ui, prints an address, answers, and ends with Ctrl-C, *": SIGNALS,
    "opslog ui, the folder is deleted and comes back, *": DELETES,
  },
  "writing/turns": {
    "batch(), called 100,000 times without waiting, *":
      "each looks at the lock file, and Wine's server keeps the handle of each look until the lock is gone",
  },
};

/** What the short form runs: a spec of each topic. */
export const SHORT = [
  "agents/order",
  "fs-backend/appends",
  "checkpoints/thresholds",
  "cli/reading",
  "files/lock",
  "following/readers",
  "migration/versions",
  "store/queries",
  "store/open-and-close",
  "undo/lines",
  "writing/batches",
];
