/** Calls that look. Those that answer at once are also made while plain calls are unfinished. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { idArbitrary, idOf } from "../values.mjs";
import { segments } from "./mutations.mjs";
import { predicateArbitrary, predicateOf } from "./predicates.mjs";

const nothing = () => fc.constant({});
const withId = () => fc.record({ id: idArbitrary });

const look = (name, arbitrary, ask, weight = 3) => ({
  name,
  weight,
  arbitrary,
  run: (world, step) => world.read(name, (side) => ask(side.store, step, world, side)),
});

const reads = [
  look("get", withId, (store, step, world) => {
    const id = idOf(step.id, world.header);
    const value = store.get(id);
    assert.equal(store.get(id), value, "get() of an unchanged record gives the same object");
    return value;
  }),
  look("has", withId, (store, step, world) => store.has(idOf(step.id, world.header))),
  look("all", nothing, (store) => store.all()),
  look("entries", nothing, (store) => {
    const entries = store.entries();
    assert.notEqual(store.entries(), entries, "entries() gives a fresh array");
    for (const [id, value] of entries) assert.equal(store.get(id), value, "elements are shared with get()");
    return entries;
  }),
  look(
    "filter",
    () => fc.record({ predicate: predicateArbitrary }),
    (store, step, world, side) => {
      const visited = [];
      const found = store.filter(predicateOf(step.predicate, world.header, side, visited));
      return { found, visited };
    },
  ),
  look(
    "count",
    () => fc.record({ predicate: fc.option(predicateArbitrary) }),
    (store, step, world, side) =>
      step.predicate === null ? store.count() : store.count(predicateOf(step.predicate, world.header, side)),
  ),
  look("getHistory", withId, (store, step, world) => store.getHistory(idOf(step.id, world.header))),
  look("getOps", nothing, (store) => {
    const operations = store.getOps();
    assert.notEqual(store.getOps(), operations, "getOps() gives a fresh array");
    return operations;
  }),
  look(
    "getOps since",
    () =>
      fc.record({ since: fc.oneof(fc.integer({ min: -30, max: 1 }), fc.constantFrom("", "zzz", "2025")) }),
    (store, step, world) => store.getOps(sinceOf(step.since, world)),
  ),
  look("stats", nothing, (store) => store.stats()),
  look("listArchiveSegments", nothing, (store) => store.listArchiveSegments()),
];

function sinceOf(since, world) {
  return typeof since === "number" ? world.clock.iso(since) : since;
}

async function collect(generator) {
  const found = [];
  for await (const item of generator) found.push(item);
  return found;
}

const questions = [
  {
    name: "loadArchive",
    weight: 3,
    arbitrary: () =>
      fc.record({
        segment: fc.constantFrom(...segments, "2025-Q1", "24", "archive/archive-2024.json", "none"),
      }),
    run: (world, step) => world.ask("loadArchive", ({ store }) => store.loadArchive(step.segment)),
  },
  {
    name: "getManifest",
    weight: 3,
    arbitrary: nothing,
    async run(world) {
      const shown = ({ store }) => {
        const { currentSnapshot, activeOps, ...manifest } = store.getManifest();
        assert.match(currentSnapshot, /^snapshots\/snap-\d+\.jsonl$/);
        assert.match(activeOps, /^ops\/ops-\d+\.jsonl$/);
        return manifest;
      };
      await world.ask("manifest", (side) => {
        const { stats, ...manifest } = shown(side);
        return { ...manifest, stats: { ...stats, lastCheckpoint: typeof stats.lastCheckpoint } };
      });
      await world.ask("time of the checkpoint", (side) => shown(side).stats.lastCheckpoint);
    },
  },
  {
    name: "getWalOps",
    weight: 3,
    arbitrary: () => fc.record({ since: fc.option(fc.integer({ min: -30, max: 1 })) }),
    async run(world, step) {
      await world.flush();
      const since = step.since === null ? [] : [world.clock.iso(step.since)];
      await world.ask("operations in the log file", ({ store }) => collect(store.getWalOps(...since)));
    },
  },
  {
    name: "streamSnapshot",
    weight: 3,
    arbitrary: nothing,
    run: (world) => world.ask("records of the snapshot", ({ store }) => collect(store.streamSnapshot())),
  },
];

export const looks = [...reads, ...questions];
