/** What happens to a folder that changes hands: random steps, as plain JSON. */
import fc from "fast-check";
import { agents } from "./world.mjs";

const readers = ["r", "s", "t"];
const some = fc.nat({ max: 11 });
const pick = (list, n) => (list.length === 0 ? undefined : list[n % list.length]);

/** The id that a writer changes: an agent only records of its own, for of two agents nothing says who was last. */
function idOf(writer, n) {
  return writer.kind === "agent" ? `${writer.name}${n % 3}` : `${agents[n % agents.length]}${n % 3}`;
}

const changes = fc.array(fc.record({ n: some, sets: fc.nat({ max: 4 }).map((n) => n > 0) }), {
  minLength: 1,
  maxLength: 3,
});

/** The version of a program that comes: mostly that of the folder, now and then the next or one before. */
function versionFor(world, n) {
  if (n === 0) return world.version + 1;
  return n === 1 ? Math.max(1, world.version - 1) : world.version;
}

const steps = {
  write: {
    weight: 12,
    parameters: {
      who: some,
      changes,
      isBatch: fc.boolean(),
      isBeside: fc.nat({ max: 5 }).map((n) => n === 5),
    },
    async run(world, { who, changes: chosen, isBatch, isBeside }) {
      const writer = pick(world.writers, who);
      if (!writer) return;
      const wanted = chosen.map(({ n, sets }) => ({ id: idOf(writer, n), sets }));
      await world.write(writer, wanted, { isBatch, isBeside: isBeside && !isBatch && !writer.isBlind });
    },
  },
  undo: { weight: 2, parameters: { who: some }, run: (world, { who }) => withWriter(world, who, "undo") },
  compact: {
    weight: 3,
    parameters: { who: some },
    run: (world, { who }) => withWriter(world, who, "compact"),
  },
  archive: {
    weight: 1,
    parameters: { who: some, n: some },
    async run(world, { who, n }) {
      const writer = pick(world.writers, who);
      if (writer) await world.archive(writer, idOf(writer, n));
    },
  },
  single: {
    weight: 4,
    parameters: { version: some },
    async run(world, { version }) {
      if (world.single) return world.close(world.single);
      if (world.agents.size > 0) return undefined;
      world.single = await world.openWriter("single", "the writer", { version: versionFor(world, version) });
      world.note("a single writer");
      return undefined;
    },
  },
  agent: {
    weight: 5,
    parameters: { n: some, version: some, skipLoad: fc.nat({ max: 5 }).map((n) => n === 5) },
    async run(world, { n, version, skipLoad }) {
      const name = pick(agents, n);
      if (world.agents.has(name)) return world.close(world.agents.get(name));
      if (world.single) return undefined;
      // What loads nothing migrates nothing: it does not make the folder's version a newer one.
      const options = skipLoad
        ? { version: world.version, skipLoad }
        : { version: versionFor(world, version) };
      const agent = await world.openWriter("agent", name, options);
      if (agent) world.agents.set(name, agent);
      world.note("an agent");
      return undefined;
    },
  },
  reader: {
    weight: 3,
    parameters: { n: some, version: some, skipLoad: fc.nat({ max: 4 }).map((n) => n === 4) },
    async run(world, { n, version, skipLoad }) {
      const name = pick(readers, n);
      if (world.readers.has(name)) return world.close(world.readers.get(name));
      if (!world.hasStore) return undefined;
      const chosen = version < 6 ? null : world.version + (version === 11 ? 1 : 0);
      return world.openReader(name, { version: chosen, ...(skipLoad && { skipLoad }) });
    },
  },
  look: {
    weight: 9,
    parameters: { who: some },
    async run(world, { who }) {
      const follower = pick(world.followers, who);
      if (follower) await world.follow(follower);
    },
  },
  refresh: {
    weight: 1,
    parameters: { who: some },
    async run(world, { who }) {
      const follower = pick(world.followers, who);
      if (!follower) return;
      follower.refreshed(world.trail);
      await follower.store.refresh();
    },
  },
  copy: { weight: 2, parameters: {}, run: (world) => world.takeCopy() },
  "put back": {
    weight: 2,
    parameters: { becomesOther: fc.boolean(), keepsOthers: fc.boolean() },
    run: (world, how) => world.putBack(how),
  },
};

async function withWriter(world, who, call) {
  const writer = pick(world.writers, who);
  if (writer) await world[call](writer);
}

export const handsStep = fc.oneof(
  ...Object.entries(steps).map(([step, { weight, parameters }]) => ({
    weight,
    arbitrary: fc.record(parameters).map((chosen) => ({ step, ...chosen })),
  })),
);

export const runStep = (world, { step, ...parameters }) => steps[step].run(world, parameters);
