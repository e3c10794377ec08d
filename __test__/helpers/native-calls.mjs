/** How each call of the addon is made: what must be there first, and the call. A new one must be added here. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";

export const now = Date.parse("2026-01-01T00:00:00.000Z");

const batch = ({ addon, core }) => {
  core.beginBatch();
  addon.setRecord(core.handle(), "b", '{"n":9}', now, false);
};
const shared = ({ addon, core }) => {
  core.beginShared();
  addon.setRecord(core.handle(), "b", '{"n":9}', now, false);
};
const archived = ({ core }) => core.archive('["a"]', "one", now);
const saved = ({ core }) => core.save();
const compacting = ({ core }) => core.compactAgents(now);
/** A compaction without records to migrate has ended by itself. */
const unlessNoneIsUnderWay = (error) => {
  if (!error.message.includes("no compaction is under way")) throw error;
};
const selection = { skip: 0, limit: -1, counts: false, ids: false };
const range = { reverse: false, limit: -1 };
const finding = ({ core }) => core.find("{}", selection);
const present = ({ core }) => core.present();
const past = ({ core }) => core.present().past(new Date(now).toISOString(), true);
const agent = { agent: "one" };
const at = (call, more = {}) => ({ call, ...more });

const someRecords = '[{"id":"a","data":1}]';
const newDraft = ({ addon, folder }) => addon.snapshotBegin(folder, 1, now);
const newReader = async ({ addon, folder }) => {
  const [name] = await readdir(join(folder, "snapshots"));
  return addon.snapshotRead(join(folder, "snapshots", name));
};
const readChanges = ({ addon, folder }) =>
  addon.changes(folder, { reverse: false, live: false, writes: false });
/** A session that was never opened refuses what needs that. */
function unlessRefused(call) {
  try {
    call();
  } catch (error) {
    if (!/^\{"code":"OPSLOG_(?!INTERNAL)/.test(error.message)) throw error;
  }
}
const newSession = ({ addon }) => addon.sessionNew(undefined, sessionOptions);
const session = { prepare: newSession };
const newIndex = (context) => newSession(context).snapshotIndex();
/** A protocol is begun where all of them are. */
const task = { ...session, rust: "NativeSession::begin" };
/** The options of a session that carries nothing. */
export const sessionOptions = {
  version: 1,
  versionGiven: false,
  readOnly: false,
  skipLoad: false,
  buffered: false,
  checkpointThreshold: 1e9,
  checkpointOnClose: false,
  keepUndo: 0,
  amortised: false,
  kernelLock: true,
  conditional: false,
  exactVersions: false,
  answersAreFinal: true,
  endsBatches: true,
  compactionLock: true,
  singleLock: true,
  wholeAppends: false,
  closesLogs: false,
  tellsChanges: false,
  isPrivate: false,
  keepsNotes: false,
  keepsIndexes: false,
  deletesLogs: false,
  deletesSnapshots: false,
  randomHigh: 1,
  randomLow: 1,
};

export const nativeCalls = {
  storeOpen: at(({ openOther }) => openOther()),
  sessionNew: at(newSession),
  flushAll: at(({ addon }) => addon.flushAll()),
  lockAcquire: at(({ addon, other }) => addon.lockAcquire(other, ".test-lock")),
  temporaryRemoveLeft: at(({ addon, other }) => addon.temporaryRemoveLeft(other)),
  operationsInOrder: at(({ addon }) => addon.operationsInOrder(["one"], [1])),
  changes: at(readChanges),
  isPosition: at(({ addon }) => addon.isPosition("1-2")),
  walCursor: at(({ addon, folder, wal }) => addon.walCursor(folder, wal)),
  foldersCreate: at(({ addon, other }) => addon.foldersCreate(other)),
  manifestWrite: at(({ addon, other }) => addon.manifestWrite(other, '{"version":1}')),
  logCreate: at(({ addon, folder }) => addon.logCreate(folder, "one", now)),
  logAppend: at(({ addon, other }) => addon.logAppend(join(other, "log.jsonl"), ["[{}]"])),
  logDeleted: at(({ addon, folder }) => addon.logDeleted(folder, "ops")),
  logCutLast: at(({ addon, other }) => addon.logCutLast(join(other, "log.jsonl"))),
  logRead: at(({ addon, folder, wal }) => addon.logRead(join(folder, wal))),
  logList: at(({ addon, folder }) => addon.logList(folder)),
  segmentMerge: at(({ addon, folder }) => addon.segmentMerge(folder, "one", now, [someRecords])),
  segmentLoad: at(({ addon, folder }) => addon.segmentLoad(join(folder, "archive/archive-one.json")), {
    prepare: ({ addon, folder }) => addon.segmentMerge(folder, "one", now, [someRecords]),
  }),
  segmentList: at(({ addon, folder }) => addon.segmentList(folder)),
  snapshotBegin: at(newDraft),
  snapshotRead: at(newReader),
  folderVerify: at(({ addon, folder }) => addon.folderVerify(folder, new addon.NativeProgress())),
  folderRecover: at(({ addon, folder, other }) =>
    addon.folderRecover(folder, join(other, "new"), now, new addon.NativeProgress()),
  ),
  folderRepair: at(({ addon, other }) => addon.folderRepair(other, now, new addon.NativeProgress()), {
    prepare: async ({ openOther }) => (await openOther()).close(),
  }),
  setRecord: at(({ addon, core }) => addon.setRecord(core.handle(), "a", '{"n":2}', now, true), {
    rust: "hot::set",
  }),
  deleteRecord: at(({ addon, core }) => addon.deleteRecord(core.handle(), "a", now, true), {
    rust: "hot::delete",
  }),
  getRecord: at(({ addon, core }) => addon.getRecord(core.handle(), "a"), { rust: "hot::get" }),
  hasRecord: at(({ addon, core }) => addon.hasRecord(core.handle(), "a"), { rust: "hot::has" }),

  "NativeStore.handle": at(({ core }) => core.handle()),
  "NativeStore.lacks": at(({ core }) => core.lacks()),
  "NativeStore.position": at(({ core }) => core.position()),
  "NativeStore.knownPosition": at(({ core }) => core.knownPosition()),
  "NativeStore.report": at(({ core }) => core.report()),
  "NativeStore.count": at(({ core }) => core.count()),
  "NativeStore.operationCount": at(({ core }) => core.operationCount()),
  "NativeStore.scan": at(({ core }) => core.scan(true)),
  "NativeStore.scanIds": at(({ core }) => core.scanIds(true)),
  "NativeStore.valuesOf": at(({ core }) => core.valuesOf('["a"]')),
  "NativeStore.checkSnapshot": at(({ core }) => core.checkSnapshot()),
  "NativeStore.operations": at(({ core }) => core.operations(0)),
  "NativeStore.beginBatch": at(({ core }) => core.beginBatch()),
  "NativeStore.commitBatch": at(({ core }) => core.commitBatch(), { prepare: batch }),
  "NativeStore.abandonBatch": at(({ core }) => core.abandonBatch(), { prepare: batch }),
  "NativeStore.beginShared": at(({ core }) => core.beginShared()),
  "NativeStore.commitShared": at(({ core }) => core.commitShared(), { prepare: shared }),
  "NativeStore.appendWaits": at(({ core }) => core.appendWaits(true), agent),
  "NativeStore.waitForTurn": at(({ core }) => core.waitForTurn(), agent),
  "NativeStore.beginAloneAtOnce": at(({ core }) => core.beginAloneAtOnce(), agent),
  "NativeStore.beginAlone": at(({ core }) => core.beginAlone(), agent),
  "NativeStore.endAlone": at(({ core }) => core.endAlone(), agent),
  "NativeStore.readAhead": at(({ core }) => core.readAhead(), agent),
  "NativeStore.holdsAppendUp": at(({ core }) => core.holdsAppendUp(), agent),
  "NativeStore.find": at(({ core }) => core.find("{}", selection), { rust: "NativeFind::begin" }),
  "NativeStore.findFew": at(({ core }) => core.findFew("{}", selection)),
  checkIndexes: at(({ addon }) => addon.checkIndexes("{}")),
  "NativeStore.declareIndexes": at(({ core }) => core.declareIndexes('{"n":{}}')),
  "NativeStore.wantsIndexes": at(({ core }) => core.wantsIndexes()),
  "NativeStore.buildIndexes": at(({ addon, core }) => core.buildIndexes(new addon.NativeProgress())),
  "NativeStore.stopIndexes": at(({ core }) => core.stopIndexes()),
  "NativeStore.walk": at(({ core }) => core.walk(false)),
  "NativeStore.sorted": at(({ core }) => core.sorted(range)),
  "NativeFind.step": at(({ made }) => made.step(null), { prepare: finding }),
  "NativeFind.take": at(({ made }) => made.take(), {
    prepare: async (context) => {
      const find = finding(context);
      await find.step(null);
      return find;
    },
  }),
  "NativeFind.atOnce": at(({ made }) => made.atOnce(), { prepare: finding }),
  "NativeFind.effort": at(({ made }) => made.effort(), {
    prepare: async (context) => {
      const find = finding(context);
      await find.step(null);
      return find;
    },
  }),
  "NativeFind.isIndexMissing": at(({ made }) => made.isIndexMissing(), { prepare: finding }),
  "NativeFind.cancel": at(({ made }) => made.cancel(), { prepare: finding }),
  "NativeWalk.next": at(({ made }) => made.next(), { prepare: ({ core }) => core.walk(false) }),
  "NativeScan.next": at(({ made }) => made.next(), { prepare: ({ core }) => core.sorted(range) }),
  "NativeScan.close": at(({ made }) => made.close(), { prepare: ({ core }) => core.sorted(range) }),
  "NativeWalk.close": at(({ made }) => made.close(), { prepare: ({ core }) => core.walk(false) }),

  "NativeStore.present": at(({ core }) => core.present()),
  "NativeStore.presentAnew": at(({ core }) => core.presentAnew(), agent),
  "NativePresent.past": at(({ made }) => made.past(new Date(now).toISOString(), true), { prepare: present }),
  "NativePresent.pastAtOnce": at(({ core, made }) => made.pastAtOnce(core.position()), { prepare: present }),
  "NativePresent.isOutdated": at(({ made }) => made.isOutdated(), { prepare: present }),
  "NativePresent.close": at(({ made }) => made.close(), { prepare: present }),
  "NativeView.unmigrated": at(({ made }) => made.unmigrated(true), { prepare: past }),
  "NativeView.migrate": at(({ made }) => made.migrate("a", "1"), { prepare: past }),
  "NativeView.finishMigration": at(({ made }) => made.finishMigration(), { prepare: past }),
  "NativeView.get": at(({ made }) => made.get("a"), { prepare: past }),
  "NativeView.has": at(({ made }) => made.has("a"), { prepare: past }),
  "NativeView.count": at(({ made }) => made.count(), { prepare: past }),
  "NativeView.close": at(({ made }) => made.close(), { prepare: past }),
  "NativeView.walk": at(({ made }) => made.walk(false), { prepare: past }),
  "NativeView.sorted": at(({ made }) => made.sorted(range), { prepare: past }),
  "NativeView.find": at(({ made }) => made.find("{}", selection), {
    prepare: past,
    rust: "NativeFind::begin",
  }),
  "NativeView.concerned": at(({ made }) => made.concerned(), { prepare: past }),
  "NativeStore.undo": at(({ core }) => core.undo()),
  "NativeStore.undoWaiting": at(({ core }) => core.undoWaiting(), agent),
  "NativeStore.undoBatch": at(({ core }) => core.undoBatch(), agent),
  "NativeStore.compactAgents": at(({ core }) => core.compactAgents(now), agent),
  "NativeStore.compactAgain": at(({ core }) => core.compactAgain(now), agent),
  "NativeStore.flush": at(({ core }) => core.flush()),
  "NativeStore.takeBack": at(({ core }) => core.takeBack()),
  "NativeStore.hasHead": at(({ core }) => core.hasHead()),
  "NativeStore.replayHead": at(({ core }) => core.replayHead()),
  "NativeStore.beginCheckpoint": at(({ core }) => core.beginCheckpoint(now, true)),
  "NativeStore.runCheckpoint": at(({ core }) => core.runCheckpoint(), {
    prepare: ({ core }) => core.beginCheckpoint(now, true),
  }),
  "NativeStore.hideHistory": at(({ core }) => core.hideHistory()),
  "NativeStore.showHistory": at(({ core }) => core.showHistory()),
  "NativeStore.isCheckpointPending": at(({ core }) => core.isCheckpointPending()),
  "NativeStore.isDueOnClose": at(({ core }) => core.isDueOnClose(true)),
  "NativeStore.archive": at(({ core }) => core.archive('["a"]', "one", now)),
  "NativeStore.archiveAside": at(({ core }) => core.archiveAside('["a"]', "one", now)),
  "NativeStore.loadArchive": at(({ core }) => core.loadArchive("archive/archive-one.json"), {
    prepare: archived,
  }),
  "NativeStore.follow": at(({ core }) => core.follow(false)),
  "NativeStore.keptOut": at(({ core }) => core.keptOut(), agent),
  "NativeStore.renew": at(({ core }) => core.renew(), agent),
  "NativeStore.takeForeign": at(({ core }) => core.takeForeign()),
  "NativeStore.takeTail": at(({ core }) => core.takeTail()),
  "NativeStore.forgetTail": at(({ core }) => core.forgetTail()),
  "NativeStore.manifest": at(({ core }) => core.manifest()),
  "NativeStore.history": at(({ core }) => core.history()),
  "NativeStore.needsMigration": at(({ core }) => core.needsMigration()),
  "NativeStore.hasOlderFiles": at(({ core }) => core.hasOlderFiles()),
  "NativeStore.mayMeetOlder": at(({ core }) => core.mayMeetOlder()),
  "NativeStore.unmigrated": at(({ core }) => core.unmigrated(true)),
  "NativeStore.migrate": at(({ core }) => core.migrate("a", '{"n":9}')),
  "NativeStore.finishMigration": at(({ core }) => core.finishMigration()),
  "NativeStore.followWhole": at(({ core }) => core.followWhole()),
  "NativeStore.save": at(({ core }) => core.save()),
  "NativeStore.restore": at(({ core }) => core.restore(), { prepare: saved }),
  "NativeStore.forgetSaved": at(({ core }) => core.forgetSaved(), { prepare: saved }),
  "NativeStore.finishCompaction": at(
    ({ core }) => core.finishCompaction().catch(unlessNoneIsUnderWay),
    agent,
  ),
  "NativeStore.abandonCompaction": at(({ core }) => core.abandonCompaction(), {
    ...agent,
    prepare: compacting,
  }),
  "NativeStore.flushAtExit": at(({ core }) => core.flushAtExit()),
  "NativeStore.startSyncing": at(({ core }) => core.startSyncing(() => {})),
  "NativeStore.askForSync": at(({ core }) => core.askForSync(), {
    prepare: ({ core }) => core.startSyncing(() => {}),
  }),
  "NativeStore.backup": at(({ core, other }) => core.backup(other, false)),
  "NativeStore.close": at(({ core }) => core.close()),

  "NativeSession.store": at(({ made }) => made.store(), session),
  "NativeSession.turn": at(({ made }) => made.turn(now), session),
  "NativeSession.part": at(({ made }) => made.part(1, "[]"), session),
  "NativeSession.bytes": at(({ made }) => made.bytes(1, Buffer.from("a")), session),
  "NativeSession.snapshotIndex": at(({ made }) => made.snapshotIndex(), session),
  "NativeSession.fetch": at(({ made }) => made.fetch("a"), task),
  "NativeSnapshotIndex.add": at(({ made }) => made.add(Buffer.from("a")), { prepare: newIndex }),
  "NativeSnapshotIndex.finish": at(({ made }) => made.finish(), { prepare: newIndex }),
  "NativeSnapshotIndex.print": at(({ made }) => made.print(Buffer.alloc(1024)), { prepare: newIndex }),
  "NativeSession.answer": at(({ made }) => made.answer(1, "null"), session),
  "NativeSession.fail": at(({ made }) => made.fail(1, "it", false, false, false), session),
  "NativeSession.position": at(({ made }) => unlessRefused(() => made.position()), session),
  "NativeSession.isPosition": at(({ made }) => made.isPosition("b1.2"), session),
  "NativeSession.changes": at(
    ({ made }) => made.changes({ reverse: false, live: false, writes: false }),
    session,
  ),
  "NativeSession.nextChanges": at(({ made }) => made.nextChanges(1), task),
  "NativeSession.endHistory": at(({ made }) => made.endHistory(1), session),
  "NativeSession.present": at(({ made }) => made.present(), task),
  "NativeSession.past": at(({ made }) => made.past(1, "b1.2", false), task),
  "NativeSession.view": at(({ made }) => unlessRefused(() => made.view(1)), session),
  "NativeSession.earlier": at(({ made }) => unlessRefused(() => made.earlier()), session),
  "NativeSession.prune": at(
    ({ made }) => made.prune({ withSnapshots: true, dryRun: false, atOnce: false, now }),
    task,
  ),
  "NativeSession.manifest": at(({ made }) => made.manifest(), session),
  "NativeSession.change": at(({ made }) => made.change("a", "1", now), session),
  "NativeSession.buffer": at(({ made }) => made.buffer("a", "1", now), session),
  "NativeSession.beginBatch": at(({ made }) => made.beginBatch(), session),
  "NativeSession.abandonBatch": at(({ made }) => made.abandonBatch(), session),
  "NativeSession.changeInBatch": at(({ made }) => made.changeInBatch("a", "1", now), {
    prepare: (context) => {
      const made = newSession(context);
      made.beginBatch();
      return made;
    },
  }),
  "NativeSession.open": at(({ made }) => made.open(), task),
  "NativeSession.carry": at(({ made }) => made.carry(), task),
  "NativeSession.flushBuffer": at(({ made }) => made.flushBuffer(), task),
  "NativeSession.fillBuffer": at(({ made }) => made.fillBuffer(), task),
  "NativeSession.flush": at(({ made }) => made.flush(), task),
  "NativeSession.commitBatch": at(({ made }) => made.commitBatch(), task),
  "NativeSession.undo": at(({ made }) => made.undo(false), task),
  "NativeSession.checkpoint": at(({ made }) => made.checkpoint(0), task),
  "NativeSession.archive": at(({ made }) => made.archive("[]", "one"), task),
  "NativeSession.refresh": at(({ made }) => made.refresh(), task),
  "NativeSession.follow": at(({ made }) => made.follow(), task),
  "NativeSession.logged": at(({ made }) => made.logged(), task),
  "NativeSession.piece": at(({ made }) => made.piece(1, false), session),
  "NativeSession.close": at(({ made }) => made.close(), task),
  "NativeStore.prune": at(({ addon, core }) =>
    core.prune({ withSnapshots: true, dryRun: false, atOnce: false, now }, new addon.NativeProgress()),
  ),
  "NativeBackup.step": at(({ made }) => made.step(), {
    prepare: ({ core, other }) => core.backup(other, false),
  }),
  "NativeBackup.end": at(({ made }) => made.end(), {
    prepare: ({ core, other }) => core.backup(other, false),
  }),
  "NativeProgress.phase": at(({ made }) => made.phase, {
    prepare: ({ addon }) => new addon.NativeProgress(),
  }),
  "NativeProgress.unit": at(({ made }) => made.unit, { prepare: ({ addon }) => new addon.NativeProgress() }),
  "NativeProgress.reset": at(({ made }) => made.reset(), {
    prepare: ({ addon }) => new addon.NativeProgress(),
  }),
  "NativeProgress.abandon": at(({ made }) => made.abandon(), {
    prepare: ({ addon }) => new addon.NativeProgress(),
  }),
  "NativeProgress.counts": at(({ made }) => made.counts(), {
    prepare: ({ addon }) => new addon.NativeProgress(),
  }),
  "NativeProgress.constructor": at(({ addon }) => new addon.NativeProgress(), {
    rust: "NativeProgress::new",
  }),
  "NativePosition.changes": at(({ made, folder }) => made.changes(folder, false), {
    prepare: ({ core }) => core.knownPosition(),
  }),
  "NativeChanges.next": at(({ made }) => made.next(), { prepare: readChanges }),
  "NativeChanges.close": at(({ made }) => made.close(), { prepare: readChanges }),
  "NativeWalCursor.close": at(({ made }) => made.close(), {
    prepare: ({ addon, folder, wal }) => addon.walCursor(folder, wal),
  }),
  "NativeWalCursor.next": at(({ made }) => made.next(), {
    prepare: ({ addon, folder, wal }) => addon.walCursor(folder, wal),
  }),
  "NativeWalCursor.skipped": at(({ made }) => made.skipped(), {
    prepare: ({ addon, folder, wal }) => addon.walCursor(folder, wal),
  }),
  "NativeLock.fd": at(({ made }) => made.fd, {
    prepare: ({ addon, other }) => addon.lockAcquire(other, ".lock"),
  }),
  "NativeLock.release": at(({ made }) => made.release(), {
    prepare: ({ addon, other }) => addon.lockAcquire(other, ".lock"),
  }),
  "NativeSnapshotDraft.add": at(({ made }) => made.add(someRecords), { prepare: newDraft }),
  "NativeSnapshotDraft.end": at(({ made }) => made.end(true), { prepare: newDraft }),
  "NativeSnapshotReader.document": at(({ made }) => made.document(), { prepare: newReader }),
  "NativeSnapshotReader.header": at(({ made }) => made.header(), { prepare: newReader }),
  "NativeSnapshotReader.next": at(({ made }) => made.next(), { prepare: newReader }),
  "NativeSnapshotReader.close": at(({ made }) => made.close(), { prepare: newReader }),
  "NativeLock.close": at(({ made }) => made.close(), {
    prepare: ({ addon, other }) => addon.lockAcquire(other, ".lock"),
  }),
};

/** Every call that an addon has. A class without a constructor of its own cannot be made from JS. */
export function callsOf(addon) {
  const names = [];
  for (const [name, value] of Object.entries(addon)) {
    const members = Object.getOwnPropertyNames(value.prototype ?? {}).filter(
      (member) => member !== "constructor",
    );
    if (!name.startsWith("Native")) names.push(name);
    else names.push(...members.map((member) => `${name}.${member}`));
  }
  return [...names, "NativeProgress.constructor"];
}

/** The function's name in Rust, as the addon's test build knows it. */
export function rustName(name) {
  const snake = (camel) => camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const { rust } = nativeCalls[name];
  const [type, member] = name.split(".");
  return rust ?? `::${snake(member ?? type)}`;
}
