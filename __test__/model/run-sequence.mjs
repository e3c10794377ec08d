/** Runs one sequence of steps on both sides, compares all along, and cleans up. */
import { memoryFolder } from "../helpers/memory-folder.mjs";
import { compareClosedFolders, compareState, lookAcross, writeAcross } from "./audit.mjs";
import { ModelClock } from "./clock.mjs";
import { commandOf } from "./commands/index.mjs";
import { closeBoth, openBoth } from "./commands/lifecycle.mjs";
import { labelOf } from "./matrix.mjs";
import { World } from "./world.mjs";

/** A call that has not come back by then never will. */
const hangsAfterMs = 30_000;

/** `subjects` makes the two sides; `matrix`, `allowed` and `facts` count over all sequences. */
export async function runSequence({ header, steps }, { subjects, matrix, allowed, facts }) {
  const place = memoryFolder("opslog-model-");
  const clock = new ModelClock();
  const world = new World({ ...subjects, header, root: place.folder, clock, allowed, facts });
  clock.install();
  let current = "open";
  let watch;
  const hanging = new Promise((_, reject) => {
    watch = setTimeout(() => reject(new Error(`never came back: ${current}`)), hangsAfterMs);
  });
  const running = play(world, steps, matrix, (what) => (current = what));
  running.catch(() => {});
  try {
    await Promise.race([running, hanging]);
  } catch (error) {
    error.message = `at ${current}: ${error.message}`;
    throw error;
  } finally {
    clearTimeout(watch);
    await withinLimit(leave(world));
    clock.uninstall();
    place.remove();
  }
}

/** Goes on without it when it hangs: what hung is the failure, not the cleaning up. */
async function withinLimit(work) {
  let watch;
  const limit = new Promise((resolve) => (watch = setTimeout(resolve, hangsAfterMs)));
  await Promise.race([work, limit]);
  clearTimeout(watch);
}

async function play(world, steps, matrix, note) {
  await openBoth(world, world.header.session, { fresh: true });
  let before = null;
  for (const [n, step] of steps.entries()) {
    const command = commandOf(step);
    if (command.when && !command.when(world)) continue;
    note(`step ${n} (${labelOf(step)})`);
    const label = labelOf(step);
    if (before) matrix.count(before, label);
    before = label;
    world.beginStep();
    const done = command.run(world, step);
    // NOTE: nothing may come between two calls that are not awaited, not even a microtask.
    if (done) await done;
  }
  note("the end");
  await end(world);
}

async function end(world) {
  await compareState(world);
  await closeBoth(world);
  compareClosedFolders(world);
  await lookAcross(world);
  await writeAcross(world);
}

/** Closes whatever is open, quietly: after a failure anything may be in any state. */
async function leave(world) {
  const stores = [...world.abandoned, ...world.sides.flatMap((side) => [side.reader, side.store])];
  await Promise.all(world.sides.map((side) => side.settle().catch(() => {})));
  for (const store of stores) await store?.close().catch(() => {});
}
