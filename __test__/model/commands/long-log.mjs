/** A log that is long enough for an index, and calls that come before anything has replayed it. */
import fc from "fast-check";
import { compareState } from "../audit.mjs";
import { idArbitrary, idOf } from "../values.mjs";
import { closeBoth, openBoth } from "./lifecycle.mjs";

const PAD = "long";
const TEXT = "p".repeat(1_100_000);
/** Long records take their time: only some of these steps do anything. */
const oneIn = 6;

const calls = {
  compact: (store) => store.compact(),
  set: (store, id) => store.set(id, { long: true }),
  undo: (store) => store.undo(),
  batch: (store, id) =>
    store.batch(() => {
      for (const key of [id, PAD]) store.set(key, { batch: true });
    }),
};

const manual = { mode: "immediate", threshold: 1_000_000, onClose: false, skipLoad: false, bump: false };

export const longLog = {
  name: "long log",
  weight: 2,
  arbitrary: () =>
    fc.record({
      turn: fc.nat({ max: oneIn - 1 }),
      calls: fc.array(
        fc.record({ call: fc.constantFrom("compact", "compact", "set", "undo", "batch"), id: idArbitrary }),
        { minLength: 2, maxLength: 6 },
      ),
    }),
  async run(world, { turn, calls: steps }) {
    await world.settle();
    if (turn > 0) return;
    const { session } = world.expected;
    await closeBoth(world);
    await openBoth(world, { ...session, ...manual });
    await world.mutate("set", false, ({ store }) => store.set(PAD, { pad: TEXT }));
    await closeBoth(world);
    await openBoth(world, { ...session, ...manual });
    for (const { call, id } of steps) {
      if (call === "undo" && world.blindLines) continue;
      world.mutate(call, true, ({ store }) => calls[call](store, idOf(id, world.header)));
    }
    await compareState(world);
    world.note("calls over a long log that is not replayed");
    await world.mutate("set", false, ({ store }) => store.set(PAD, {}));
    await world.mutate("compact", false, ({ store }) => store.compact());
    await closeBoth(world);
    await openBoth(world, { ...session, bump: false });
  },
};
