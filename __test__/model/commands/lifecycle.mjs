/** Waiting, closing and opening again, crashing, exchanging folders. */
import { existsSync, readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { compareClosedFolders, compareState, lookAcross } from "../audit.mjs";
import { crashImage } from "../crash.mjs";
import { optionsOf, sessionArbitrary } from "../sessions.mjs";

const settle = {
  name: "settle",
  weight: 4,
  arbitrary: () => fc.constant({}),
  run: (world) => world.settle(),
};

/** Lets time pass without awaiting anything: some microtasks, or a turn of the event loop. */
const pause = {
  name: "pause",
  weight: 4,
  arbitrary: () => fc.record({ microtasks: fc.constantFrom(1, 2, 3, 5, 8, 0) }),
  async run(world, { microtasks }) {
    for (let n = 0; n < microtasks; n += 1) await null;
    if (microtasks === 0) await turn();
  },
};

/** Opens both sides; a version bump migrates. */
export async function openBoth(world, session, { reuse = false, fresh = false } = {}) {
  const bump = session.bump && !session.skipLoad;
  const previousVersion = world.version;
  if (bump) world.version += 1;
  const options = optionsOf(session, world.version);
  const how = fresh ? { reuse } : { reuse, previousVersion };
  await Promise.all(world.sides.map((side) => side.open(session, options, how)));
  world.check(".lock while open", ...world.sides.map((side) => readFileSync(`${side.folder}/.lock`, "utf8")));
  if (bump && !fresh) world.checkpointPublished();
  else world.opened();
  world.note("a migration", bump && !fresh);
  world.note("a session with skipLoad", session.skipLoad);
}

/** Closes both, with whatever is unfinished: ours must finish it. */
export async function closeBoth(world) {
  await Promise.all(world.sides.map((side) => side.closeReader()));
  await world.mutate("close", false, ({ store }) => store.close());
  world.publishing = false;
}

const closedCalls = {
  get: (store) => store.get("a"),
  has: (store) => store.has("a"),
  all: (store) => store.all(),
  entries: (store) => store.entries(),
  filter: (store) => store.filter(() => true),
  count: (store) => store.count(),
  getHistory: (store) => store.getHistory("a"),
  getOps: (store) => store.getOps(),
  stats: (store) => store.stats(),
  listArchiveSegments: (store) => store.listArchiveSegments(),
  set: (store) => store.set("a", {}),
  delete: (store) => store.delete("a"),
  batch: (store) => store.batch(() => {}),
  undo: (store) => store.undo(),
  compact: (store) => store.compact(),
  archive: (store) => store.archive(() => true),
  loadArchive: (store) => store.loadArchive("2024"),
  tail: (store) => store.tail(),
  refresh: (store) => store.refresh(),
  close: (store) => store.close(),
  streamSnapshot: (store) => store.streamSnapshot().next(),
  getWalOps: (store) => store.getWalOps().next(),
};

const reopen = {
  name: "reopen",
  weight: 5,
  arbitrary: (options) =>
    fc.record({
      session: sessionArbitrary(options),
      reuse: fc.boolean(),
      swap: fc.boolean(),
      closed: fc.boolean(),
    }),
  async run(world, { session, reuse, swap, closed }) {
    await closeBoth(world);
    compareClosedFolders(world);
    if (closed) {
      for (const [name, call] of Object.entries(closedCalls)) {
        await world.ask(`${name}() after close()`, ({ store }) => call(store));
      }
    }
    if (swap && world.hasOriginal) {
      world.note("exchanged folders");
      const [left, right] = world.sides;
      [left.folder, right.folder] = [right.folder, left.folder];
    }
    await openBoth(world, session, { reuse });
    world.note("a restart of the same object", reuse);
    world.note("a restart with operations in the log", world.expected.store.stats().opsCount > 0);
  },
};

/** The process dies: what is on disk at this moment goes on in another folder, with a dead process's lock. */
const crash = {
  name: "crash",
  weight: 4,
  arbitrary: (options) =>
    fc.record({ session: sessionArbitrary(options), lock: fc.constantFrom("removed", "left") }),
  async run(world, { session, lock }) {
    await world.flush();
    const { publishing } = world;
    await Promise.all(world.sides.map((side) => side.closeReader()));
    for (const side of world.sides) {
      const folder = world.newFolder(side.name);
      crashImage(side.folder, folder, { lock });
      world.abandoned.push(side.store);
      Object.assign(side, { folder, store: null });
    }
    await openBoth(world, publishing ? { ...session, skipLoad: false } : session);
    if (publishing) {
      await world.ask("records after a crash", ({ store }) => store.entries());
      await world.mutate("compact", false, ({ store }) => store.compact());
    }
    world.note("a crash with operations in the log", world.expected.store.stats().opsCount > 0);
    await compareState(world);
  },
};

const openTwice = {
  name: "open twice",
  weight: 3,
  arbitrary: () => fc.constant({}),
  async run(world) {
    await world.ask("open() of a folder that is open", (side) => side.newStore().open(side.folder));
    world.check(
      "the lock survives a refused open()",
      ...world.sides.map((side) => existsSync(`${side.folder}/.lock`)),
    );
  },
};

/** Every kind of store looks into every folder, beside the writers. */
const peek = {
  name: "peek",
  weight: 3,
  arbitrary: () => fc.constant({}),
  async run(world) {
    await world.flush();
    await lookAcross(world);
  },
};

const audit = {
  name: "audit",
  weight: 3,
  arbitrary: () => fc.constant({}),
  run: (world) => compareState(world),
};

export const lifecycle = [settle, pause, reopen, crash, openTwice, peek, audit];
