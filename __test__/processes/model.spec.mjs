/**
 * The model test: random commands on the published 0.8.1 and on ours, compared all along. A longer run, and
 * one failure again: campaigns/model.mjs. What may differ: model/differences.mjs, a closed list.
 */
import test from "ava";
import { original } from "../helpers/original.mjs";
import { memoryFolder } from "../helpers/memory-folder.mjs";
import { differences } from "../model/differences.mjs";
import { IdealStore } from "../model/ideal/store.mjs";
import { plantedDefects } from "../model/planted-defects.mjs";
import { runModel } from "../model/run.mjs";
import { gapsOf, summaryOf } from "../model/summary.mjs";
import { withoutWitness, witnesses } from "../model/witnesses.mjs";

/** Fixed, so that a change is what makes the test fail; the long run takes others. */
const seed = 20_250_331;
const longest = 15 * 60_000;

test.serial(
  "2,000 sequences of 40 commands, ours and 0.8.1 show the same and leave the same files",
  async (t) => {
    t.timeout(longest);
    const result = await runModel({ sequences: 2000, seed });
    t.is(result.failure, null, result.failure ?? undefined);
    t.deepEqual(gapsOf(result), []);
    t.log(summaryOf(result));
  },
);

test.serial("2,000 sequences of what 0.8.1 can't do, ours does as the ideal store", async (t) => {
  t.timeout(longest);
  const result = await runModel({ sequences: 2000, seed, wide: true });
  t.is(result.failure, null, result.failure ?? undefined);
  t.deepEqual(gapsOf(result, { wide: true }), []);
});

test.serial("200 sequences, 0.8.1 and itself show the same: the harness adds nothing", async (t) => {
  t.timeout(longest);
  const { failure } = await runModel({ sequences: 200, seed, subject: "reference" });
  t.is(failure, null, failure ?? undefined);
});

test.serial(
  "200 sequences, the ideal store and 0.8.1 show the same: the specification is 0.8.1's",
  async (t) => {
    t.timeout(longest);
    const { failure } = await runModel({ sequences: 200, seed, subject: "ideal" });
    t.is(failure, null, failure ?? undefined);
  },
);

for (const [name, Subject] of Object.entries(plantedDefects)) {
  test.serial(`a planted defect is found: ${name}`, async (t) => {
    t.timeout(longest);
    const { failure } = await runModel({ sequences: 400, seed, Subject, shrink: false });
    t.truthy(failure);
  });
}

for (const { difference, original: shown, ours, show } of witnesses) {
  test.serial(`a listed difference is real: ${difference}`, async (t) => {
    const { Store } = await import("../../index.mjs");
    const found = {};
    for (const [who, Class] of Object.entries({ original: original.Store, ours: Store, ideal: IdealStore })) {
      const place = memoryFolder();
      t.teardown(place.remove);
      found[who] = await show(Class, place.folder);
    }
    t.deepEqual(found, { original: shown, ours, ideal: ours });
  });
}

test("every listed difference has a witness, or a reason to have none", (t) => {
  const shown = new Set([...witnesses.map(({ difference }) => difference), ...withoutWitness.keys()]);
  t.deepEqual(
    differences.map(({ name }) => name).filter((name) => !shown.has(name)),
    [],
  );
});
