/**
 * The closed list of what may differ between 0.8.1 and ours. Whatever is not here fails the run.
 *
 * An entry is one of:
 *   spare       0.8.1 must not be called like this: `calls` (with `besides`: only while one of those is
 *               unfinished; with `inModes`: only in those modes) need a "settle" or "flush" of 0.8.1 before,
 *               or a settle "after". Ours gets the call as it stands.
 *   repair      the method that repaired-reference.mjs or side.mjs corrects in 0.8.1
 *   generation  what the generator leaves out of the runs against 0.8.1; the wide run (ours against the
 *               ideal store, which can do it) generates it
 *   allows      a predicate over { topic, world }: this comparison is left out
 *
 * To add one: give it a name, the reason, the narrowest form of the above, and, if 0.8.1's side can be shown
 * in a few calls, a witness in witnesses.mjs that asserts both sides.
 */
export const differences = [
  {
    name: "a call is visible at once",
    reason: "0.8.1 shows set/delete a microtask later, and one per append; ours at the call",
    spare: { calls: ["read"], needs: "settle" },
  },
  {
    name: "set or delete beside a pending batch never reaches the log",
    reason: "0.8.1 takes the call for one of the batch's own",
    spare: { calls: ["set", "delete"], besides: ["batch"], needs: "settle" },
  },
  {
    name: "batch overtakes buffered operations",
    reason: "0.8.1 appends a batch directly, before what group and async mode have buffered",
    spare: { calls: ["batch"], inModes: ["group", "async"], needs: "flush" },
  },
  {
    name: "undo of a buffered operation cuts another",
    reason: "0.8.1 cuts the file though the operation is still in the buffer",
    spare: { calls: ["undo"], inModes: ["group", "async"], needs: "flush" },
  },
  {
    name: "close, flush and sync forget calls that were not awaited",
    reason: "0.8.1 looks at the buffer before those calls had their turn",
    spare: { calls: ["close", "flush", "sync"], needs: "settle" },
  },
  {
    name: "tail and refresh of the writer double operations",
    reason: "0.8.1 compares a count from before with a file from after",
    spare: { calls: ["tail", "refresh"], needs: "settle" },
  },
  {
    name: "a call beside a pending tail or refresh doubles operations",
    reason: "the same, with the write called second",
    spare: { calls: ["tail", "refresh"], needs: "after" },
  },
  {
    name: "order after a rolled-back batch",
    reason: "0.8.1 puts records that the batch deleted back at the end; ours where they were",
    repair: "RepairedStore._batch",
  },
  {
    name: "order after an undone deletion",
    reason: "0.8.1 puts the record at the end until a restart, ours where the log has it",
    repair: "RepairedStore.reverseOp",
  },
  {
    name: "undo moves restored fields to the end",
    reason: "0.8.1 adds fields that the update had removed behind the others, until a restart",
    repair: "RepairedStore.reverseOp",
  },
  {
    name: "undo counts characters",
    reason: "0.8.1 cuts at the wrong byte for text that is not ASCII, and at multiples of 4096 bytes",
    repair: "RepairedBackend.truncateLastOp, in runs that are not ASCII; ASCII runs use 0.8.1's own",
  },
  {
    name: "manifest shows the state before the checkpoint",
    reason: "0.8.1 keeps the manifest that open() read for getManifest, getWalOps and streamSnapshot",
    repair: "RepairedBackend.writeManifest, RepairedStore.getManifest and getWalOps",
  },
  {
    name: "streamSnapshot breaks lines at U+2028",
    reason: "0.8.1 reads with readline, which does so on newer Node",
    repair: "RepairedStore.streamSnapshot",
  },
  {
    name: "archived records counted twice",
    reason: "0.8.1 adds every archived record, also one that the segment already had",
    repair: "RepairedBackend.writeManifest",
  },
  {
    name: "a reader is lost after a checkpoint or an undo",
    reason: "0.8.1 goes on reading the old log, by a count of lines",
    repair: "OriginalSide.readerTail: a new reader, and what tail() returns from the harness's journal",
  },
  {
    name: "migration skips the log",
    reason:
      "0.8.1 migrates the snapshot only, and stores nothing; ours migrates all and checkpoints in open()",
    repair: "OriginalSide.open: a checkpoint before the migration and one after it",
  },
  {
    name: "a Store that was closed carries its past",
    reason: "0.8.1 keeps the earlier open's options",
    repair: "OriginalSide.open: a new Store where the options would mix; all options explicit",
  },
  {
    name: "skipLoad makes checkpoints",
    reason: "0.8.1 wipes the store at the threshold, in archive() and with checkpointOnClose",
    generation: "a high threshold under skipLoad; no archive, tail or refresh there (commands' `when`)",
  },
  {
    name: "undo of an update made under skipLoad",
    reason: "0.8.1 takes it for a create; its line says prev: null",
    generation: "no undo after a skipLoad session until the next checkpoint (World.blindLines)",
  },
  {
    name: "async mode never makes checkpoints",
    reason: "0.8.1 returns before it looks at the threshold",
    generation: "a high threshold in async mode (sessions.mjs)",
  },
  {
    name: "options given as undefined",
    reason: "0.8.1 takes undefined for a value",
    generation: "options are left out instead (sessions.mjs)",
  },
  {
    name: "values that are no objects",
    reason: "0.8.1 loses their updates, or throws while it makes the delta",
    generation: "records are objects (values.mjs)",
  },
  {
    name: "values that JSON cannot hold",
    reason: "0.8.1 accepts and loses them, or cannot close any more; ours refuses them",
    generation: "none (values.mjs)",
  },
  {
    name: "values read differently before and after a restart",
    reason: "0.8.1 keeps the caller's object: Date, NaN, -0 and undefined fields; ours shows what was logged",
    generation: "none (values.mjs)",
  },
  {
    name: "fields with inherited names",
    reason: "0.8.1 makes wrong deltas for constructor, toString, valueOf, __proto__",
    generation: "none (values.mjs)",
  },
  {
    name: "the empty id",
    reason: "0.8.1 accepts and loses it; ours refuses it",
    generation: "none (commands/mutations.mjs)",
  },
  {
    name: "fields that only ours writes",
    reason: "0.8.1 ignores them, but its getOps() shows every field of a line",
    repair: "RepairedBackend.readOps; ours shows none of them, and is compared as it is",
  },
  {
    name: "a crash during an automatic checkpoint",
    reason: "the old log and snapshot are still the store: the same records, but more operations",
    generation: "such a crash compares the records, then both make a checkpoint (commands/lifecycle.mjs)",
  },
  {
    name: "the message of a held lock",
    reason: "0.8.1 advises to delete the lock of a process that lives; ours says where that process is",
    repair: "comparable(): only the first sentence, which is the same, is compared",
  },
  {
    name: "names of files",
    reason: "names carry the time of day; ours never uses one twice",
    allows: ({ topic }) => topic === "file names",
  },
  {
    name: "automatic checkpoints publish in the background",
    reason: "0.8.1 publishes before set() resolves; ours goes on, so what is on disk is seen later",
    allows: ({ topic, world }) => world.publishing && duringPublication.has(topic),
  },
  {
    name: "the time of an automatic checkpoint",
    reason: "the same: the clock has moved on when ours publishes",
    allows: ({ topic, world }) => world.publishedLate && topic === "time of the checkpoint",
  },
];

const duringPublication = new Set([
  "manifest",
  "operations in the log file",
  "records of the snapshot",
  "log of a reader",
]);

/** What 0.8.1 needs around a call, by the entries above. */
export function needsBefore(name, side) {
  const needs = { settle: false, flush: false, after: false };
  for (const { spare } of differences) {
    if (!spare?.calls.includes(name)) continue;
    if (spare.inModes && !spare.inModes.includes(side.session.mode)) continue;
    if (spare.besides && !side.pending.some((call) => spare.besides.includes(call.name))) continue;
    needs[spare.needs] = true;
  }
  return needs;
}

/** The entry that leaves this comparison out, if there is one. */
export function allowedDifference(topic, world) {
  return differences.find((difference) => difference.allows?.({ topic, world }));
}
