/** With which options a store is opened. */
import fc from "fast-check";

const never = 1_000_000;

export function sessionArbitrary({ wide }) {
  return fc
    .record({
      mode: fc.constantFrom("immediate", "immediate", "immediate", "group", "group", "async"),
      groupCommitSize: fc.constantFrom(1, 2, 3, 5),
      groupCommitMs: fc.constantFrom(1, 60_000),
      threshold: fc.constantFrom("default", "default", never, never, 1, 2, 3, 7, 7, 7),
      onClose: fc.constantFrom("default", true, false, false),
      skipLoad: fc.nat({ max: 9 }).map((n) => n === 9),
      bump: fc.nat({ max: 7 }).map((n) => n === 7),
      absent: wide ? fc.constantFrom("left out", "undefined") : fc.constant("left out"),
    })
    .map((session) => (wide ? session : restricted(session)));
}

/** See "async mode never makes checkpoints" and "skipLoad makes checkpoints" among the differences. */
function restricted(session) {
  const threshold = session.mode === "async" || session.skipLoad ? never : session.threshold;
  return { ...session, threshold };
}

/** Adds one to a counter, so that a record that is migrated twice, or not at all, is seen. */
export function migrate(record, from) {
  if (typeof record !== "object" || record === null || Array.isArray(record)) return record;
  return { ...record, migrated: `${record.migrated ?? ""}${from};` };
}

/** The options for open(); `version` is the one that the folder is to have afterwards. */
export function optionsOf(session, version) {
  const chosen = {
    writeMode: session.mode === "immediate" ? undefined : session.mode,
    groupCommitSize: session.mode === "immediate" ? undefined : session.groupCommitSize,
    groupCommitMs: session.mode === "immediate" ? undefined : session.groupCommitMs,
    checkpointThreshold: session.threshold === "default" ? undefined : session.threshold,
    checkpointOnClose: session.onClose === "default" || session.skipLoad ? undefined : session.onClose,
    skipLoad: session.skipLoad || undefined,
    version,
    migrate,
  };
  if (session.absent === "undefined") return chosen;
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
}
