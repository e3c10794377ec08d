/** Calls that change the store. Each comes awaited and floating (not awaited). */
import fc from "fast-check";
import { comparable } from "../compare.mjs";
import { idArbitrary, idOf, valueArbitrary } from "../values.mjs";
import { predicateArbitrary, predicateOf } from "./predicates.mjs";

/** "2024" is part of "2024-Q1": an exact match must go before the first one. */
export const segments = ["2024-Q1", "2024", "x y"];

const floating = fc.boolean();
/** Plain calls float more often: several of them unfinished, and then a look, is what tells most. */
const oftenFloating = fc.nat({ max: 2 }).map((n) => n > 0);

function idsFor({ wide }) {
  if (!wide) return idArbitrary;
  return fc.oneof({ arbitrary: idArbitrary, weight: 30 }, { arbitrary: fc.constant("empty"), weight: 1 });
}

const set = {
  name: "set",
  weight: 26,
  arbitrary: (options) =>
    fc.record({ floating: oftenFloating, id: idsFor(options), value: valueArbitrary(options) }),
  run(world, step) {
    const id = idOf(step.id, world.header);
    const description = world.descriptionOf(id, step.value);
    return world.mutate("set", step.floating, ({ store }) => store.set(id, world.makeValue(description)));
  },
};

const del = {
  name: "delete",
  weight: 10,
  arbitrary: () => fc.record({ floating: oftenFloating, id: idArbitrary }),
  run(world, step) {
    const id = idOf(step.id, world.header);
    return world.mutate("delete", step.floating, ({ store }) => store.delete(id));
  },
};

const action = (options) =>
  fc.oneof(
    {
      arbitrary: fc.record({ do: fc.constant("set"), id: idArbitrary, value: valueArbitrary(options) }),
      weight: 4,
    },
    {
      arbitrary: fc.record({ do: fc.constant("delete"), id: idArbitrary, tolerant: fc.boolean() }),
      weight: 3,
    },
    { arbitrary: fc.record({ do: fc.constant("look"), id: idArbitrary }), weight: 1 },
  );

/** Runs a batch's actions on one side and writes down what they showed. */
function act(world, side, actions, seen) {
  const { store } = side;
  for (const { id: index, ...step } of actions) {
    const id = idOf(index, world.header);
    if (step.do === "set") seen.push(store.set(id, world.makeValue(step.description)));
    else if (step.do === "look") seen.push(store.get(id), store.has(id), store.count(), store.all());
    else {
      try {
        seen.push(store.delete(id));
      } catch (error) {
        seen.push(error.message);
        if (!step.tolerant) throw error;
      }
    }
    seen.push(store.entries().map(([key]) => key));
  }
}

const batch = {
  name: "batch",
  weight: 12,
  arbitrary: (options) =>
    fc.record({
      floating,
      actions: fc.array(action(options), { maxLength: 5 }),
      throws: fc.nat({ max: 3 }).map((n) => n === 3),
    }),
  run(world, step) {
    const actions = step.actions.map((one) =>
      one.do === "set"
        ? { ...one, description: world.descriptionOf(idOf(one.id, world.header), one.value) }
        : one,
    );
    return world.mutate("batch", step.floating, async (side) => {
      const seen = [];
      const failure = new Error("thrown inside the batch");
      side.thrown.add(failure);
      const call = side.store.batch(() => {
        act(world, side, actions, seen);
        if (step.throws) throw failure;
      });
      return call.then(
        (result) => ({ result, seen }),
        (error) => ({ ...comparable({ how: "rejected", error }, side), seen }),
      );
    });
  },
};

const undo = {
  name: "undo",
  weight: 9,
  /** Difference: "undo of an update made under skipLoad". */
  when: (world) => world.skipLoad || !world.blindLines,
  arbitrary: () => fc.record({ floating }),
  run(world, step) {
    if (world.unfinished.length === 0) {
      const last = world.expected.store.getOps().at(-1);
      world.note("an undo of a delta", last?.encoding === "delta");
      world.note("an undo of a delete", last?.op === "delete");
    }
    return world.mutate("undo", step.floating, ({ store }) => store.undo());
  },
};

const compact = {
  name: "compact",
  weight: 5,
  arbitrary: () => fc.record({ floating, twice: fc.nat({ max: 3 }).map((n) => n === 3) }),
  run(world, step) {
    if (step.twice) world.mutate("compact", true, ({ store }) => store.compact());
    return world.mutate("compact", step.floating, ({ store }) => store.compact());
  },
};

const archive = {
  name: "archive",
  weight: 8,
  /** Difference: "skipLoad makes checkpoints". */
  when: (world) => !world.skipLoad,
  arbitrary: () =>
    fc.record({
      floating,
      predicate: predicateArbitrary,
      segment: fc.option(fc.constantFrom(...segments), { nil: null, freq: 7 }),
    }),
  run: (world, step) =>
    world.mutate("archive", step.floating, async (side) => {
      const predicate = predicateOf(step.predicate, world.header, side);
      return side.store.archive(predicate, ...(step.segment === null ? [] : [step.segment]));
    }),
};

const simple = (name, when) => ({
  name,
  weight: 5,
  when,
  arbitrary: () => fc.record({ floating }),
  run: (world, step) => world.mutate(name, step.floating, ({ store }) => store[name]()),
});

export const mutations = [
  set,
  del,
  batch,
  undo,
  compact,
  archive,
  simple("flush"),
  simple("sync"),
  /** Difference: "skipLoad makes checkpoints" (tail applies the whole log there). */
  simple("tail", (world) => !world.skipLoad),
  simple("refresh", (world) => !world.skipLoad),
];
