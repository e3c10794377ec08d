/**
 * `npm run bench:floors`: what each workload with a missed target must do at least, beside this package and the store of the target, in one run
 * and in turns; each run is a process of its own. Prints the tables.
 *
 *   npm run bench:floors -- --only W5,W8         these groups
 *   npm run bench:floors -- --fixtures FOLDER    keep the folders that workloads begin with, and use them again
 *   npm run bench:floors -- --repeats 7          this often, instead of five times
 *   npm run bench:floors -- --write              take them over into docs/
 */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildAddon } from "../../scripts/build.mjs";
import { fail, requireCargo, requireModules, requireNode } from "../../scripts/setup.mjs";
import { killChildren } from "../children.mjs";
import { Fixtures } from "../fixtures.mjs";
import { measureWorkload } from "../measurement.mjs";
import { publish } from "../publication.mjs";
import { keep, origin, readAll } from "../results.mjs";
import { goOnWith, requirePeers } from "../runtime.mjs";
import { storeNames } from "../stores/index.mjs";
import { buildFloors, emptyAddonBytes } from "./addon.mjs";
import { groupNames, loadGroup } from "./groups/index.mjs";
import { groupReport } from "./report.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    fixtures: { type: "string" },
    repeats: { type: "string", default: "5" },
    write: { type: "boolean" },
  },
});
goOnWith();
const names = values.only?.split(",") ?? groupNames;
const unknown = names.filter((name) => !groupNames.includes(name));
if (unknown.length > 0) fail(`Unknown group(s) ${unknown.join(", ")}; there are ${groupNames.join(", ")}.`);

requireNode();
requireCargo();
requireModules();
buildAddon();
requirePeers(storeNames);
buildFloors();
const emptyAddon = emptyAddonBytes();

const root = await mkdtemp(join(tmpdir(), "opslog-floors-"));
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    killChildren();
    rmSync(root, { recursive: true, force: true });
    process.exit(1);
  });
}

/** The medians of what was found, by variant, subject and figure. */
function medians(found) {
  const ofSubject = ({ summary = {}, failed }) => {
    if (failed) fail(failed);
    return Object.fromEntries(Object.entries(summary).map(([key, { median }]) => [key, median]));
  };
  const ofVariant = (subjects) =>
    Object.fromEntries(Object.entries(subjects).map(([name, subject]) => [name, ofSubject(subject)]));
  return Object.fromEntries(Object.entries(found).map(([name, subjects]) => [name, ofVariant(subjects)]));
}

const groups = {};
try {
  const place = values.fixtures ?? join(root, "fixtures");
  await mkdir(place, { recursive: true });
  const fixtures = new Fixtures(place);
  for (const name of names) {
    const workload = await loadGroup(name);
    const found = await measureWorkload({
      workload,
      quick: false,
      repeats: Number(values.repeats),
      stores: storeNames,
      root,
      fixtures,
      progress: (line) => console.error(line),
    });
    groups[name] = { ...origin(), repeats: Number(values.repeats), found: medians(found) };
    console.log(`\n## ${name}\n\n${groupReport(workload, groups[name])}`);
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
if (values.write) {
  const { floors } = await readAll();
  await keep("floors", { emptyAddon, groups: { ...floors.groups, ...groups } });
  await publish();
}
