/** Everything that can be compared at once: what two stores show, and what two closed folders hold. */
import { strayFiles, storedState } from "../helpers/stored-state.mjs";

const shown = (store) => ({
  entries: store.entries(),
  count: store.count(),
  operations: store.getOps(),
  stats: store.stats(),
  segments: store.listArchiveSegments(),
});

/** Compares what both writers show, and every archive by its bare name, with nothing unfinished. */
export async function compareState(world) {
  const { operations, segments } = await world.ask("state", ({ store }) => shown(store));
  world.note(
    "an update with a delta",
    operations.some(({ encoding }) => encoding === "delta"),
  );
  for (const path of segments) {
    const name = path.slice("archive/archive-".length, -".json".length);
    await world.ask(`loadArchive("${name}")`, ({ store }) => store.loadArchive(name));
  }
}

/** Compares what close() left in both folders. */
export function compareClosedFolders(world) {
  const [expected, actual] = world.sides.map((side) => storedState(side.folder));
  for (const { folder } of world.sides) world.check("files that should not be there", [], strayFiles(folder));
  const { lastCheckpoint: expectedTime, ...expectedStats } = expected.manifest.stats;
  const { lastCheckpoint: actualTime, ...actualStats } = actual.manifest.stats;
  if (expectedTime === world.clock.iso()) world.publishedLate = false;
  world.check("time of the checkpoint", expectedTime, actualTime);
  world.check("time of the checkpoint", expected.snapshotTime, actual.snapshotTime, "time of the snapshot");
  world.check(
    "the manifest's fields",
    { ...expected.manifest, stats: expectedStats },
    { ...actual.manifest, stats: actualStats },
  );
  world.check("the snapshot", expected.snapshot, actual.snapshot);
  world.check("the operations in the log", expected.operations, actual.operations);
  world.check("the archives", expected.archives, actual.archives);
}

/** Every kind of store looks read-only into every folder, and all must see the same. */
export async function lookAcross(world) {
  const kinds = world.hasOriginal ? world.sides : [world.actual];
  const folders = world.sides.map((side) => side.folder);
  const [first] = folders;
  const see = (side, folder) => side.look(folder, shown);
  const reference = await see(kinds[0], first);
  for (const side of kinds) {
    for (const folder of folders) {
      const found = await see(side, folder);
      const what = `what ${side.name} finds in the folder of ${folder === first ? world.expected.name : world.actual.name}`;
      world.check("records across folders", reference.entries, found.entries, what);
      world.check("archives across folders", reference.segments, found.segments, what);
      world.check("log of a reader", reference.operations, found.operations, what);
    }
  }
}

/** Writing in each other's folder: opens crosswise, changes something, closes with a checkpoint, compares. */
export async function writeAcross(world) {
  if (!world.hasOriginal) return;
  const [left, right] = world.sides;
  [left.folder, right.folder] = [right.folder, left.folder];
  const session = { mode: "immediate", threshold: "default", onClose: true, absent: "left out" };
  const options = { version: world.version, checkpointOnClose: true };
  await Promise.all(world.sides.map((side) => side.open(session, options)));
  world.opened();
  await compareState(world);
  await world.mutate("undo", false, ({ store }) => (world.blindLines ? false : store.undo()));
  await world.mutate("set", false, ({ store }) => store.set("across", { n: 1 }));
  await compareState(world);
  await world.mutate("close", false, ({ store }) => store.close());
  compareClosedFolders(world);
}
