/** A read-only store beside the writer. The first of these commands opens it. */
import fc from "fast-check";

const nothing = () => fc.constant({});

async function withReader(world) {
  await world.flush();
  await Promise.all(world.sides.map((side) => side.reader ?? side.openReader()));
}

const tail = {
  name: "reader tail",
  weight: 5,
  arbitrary: nothing,
  async run(world) {
    await withReader(world);
    const operations = await world.ask("reader.tail()", (side) => side.readerTail());
    await world.ask("entries of a reader", (side) => side.reader.entries());
    world.note("a reader that was told of operations", operations.length > 0);
    const { checkpoints } = world.expected;
    world.note(
      "a reader across a checkpoint",
      operations.length > 0 && checkpoints !== world.expected.tailedAt,
    );
    world.expected.tailedAt = checkpoints;
  },
};

const state = {
  name: "reader state",
  weight: 3,
  arbitrary: () => fc.record({ refresh: fc.boolean() }),
  async run(world, { refresh }) {
    await withReader(world);
    await world.ask("reader.tail()", (side) => side.readerTail());
    if (refresh) await world.ask("reader.refresh()", (side) => side.reader.refresh());
    await world.ask("entries of a reader", (side) => side.reader.entries());
    await world.ask("archives of a reader", (side) => side.reader.listArchiveSegments());
    await world.ask("log of a reader", ({ reader }) => ({
      operations: reader.getOps(),
      stats: reader.stats(),
    }));
  },
};

const writes = {
  set: (reader) => reader.set("a", {}),
  delete: (reader) => reader.delete("a"),
  batch: (reader) => reader.batch(() => {}),
  undo: (reader) => reader.undo(),
  compact: (reader) => reader.compact(),
  archive: (reader) => reader.archive(() => true),
};

const write = {
  name: "reader write",
  weight: 3,
  arbitrary: () => fc.record({ name: fc.constantFrom(...Object.keys(writes)) }),
  async run(world, { name }) {
    await withReader(world);
    await world.ask(`reader.${name}()`, ({ reader }) => writes[name](reader));
  },
};

const close = {
  name: "reader close",
  weight: 3,
  arbitrary: nothing,
  async run(world) {
    await world.settle();
    await Promise.all(world.sides.map((side) => side.closeReader()));
  },
};

export const readers = [tail, state, write, close];
