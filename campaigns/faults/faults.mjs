/** The faults, and which calls each of them can hit. */
import { constants } from "node:os";

const { EACCES, EINTR, EIO, EMFILE, ENOSPC } = constants.errno;

const opens = ["open to read", "open to write", "open to create"];
const writes = ["write", "pwrite"];
const syncs = ["fsync", "fdatasync", "fsync of a folder"];
const names = ["rename", "link", "unlink", "mkdir", "rmdir"];
const changes = [...opens.slice(2), ...writes, "ftruncate", ...syncs, "sync_file_range", ...names];
const filling = ["open to create", ...writes, ...syncs, "rename", "link", "mkdir"];

export const faults = {
  "kill before": { action: "kill before", on: [...changes, "open to write", "flock", "unlock", "other"] },
  "kill after": { action: "kill after", on: [...changes, "open to write", "flock", "unlock", "other"] },
  "torn write": { action: "torn", on: writes },
  "short write": { action: "short", on: writes },
  EIO: { action: "fail", error: EIO, on: [...changes, ...opens.slice(0, 2), "flock"] },
  "EIO lasting": {
    action: "fail",
    error: EIO,
    on: [...changes, ...opens.slice(0, 2), "flock"],
    lasting: true,
  },
  ENOSPC: { action: "fail", error: ENOSPC, on: filling },
  "ENOSPC lasting": { action: "fail", error: ENOSPC, on: filling, lasting: true },
  EINTR: { action: "fail", error: EINTR, on: [...opens, ...writes, "ftruncate", ...syncs] },
  EMFILE: { action: "fail", error: EMFILE, on: opens },
  "EMFILE lasting": { action: "fail", error: EMFILE, on: opens, lasting: true },
  EACCES: { action: "fail", error: EACCES, on: [...opens, ...names] },
};

export const kills = (fault) => /^kill|^torn/.test(fault);

/** The faults that can hit a kind of call. */
export function faultsOf(kind) {
  return Object.keys(faults).filter((name) => faults[name].on.includes(kind));
}

/** Node's name of the error that a fault lets a call fail with, if it does. */
export function errorName(fault) {
  const { error } = faults[fault];
  return error === undefined
    ? null
    : Object.keys(constants.errno).find((name) => constants.errno[name] === error);
}
