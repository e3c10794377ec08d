/** Tests of what a store does wherever it keeps its records: each is run on a folder, and again in memory. */
import test from "ava";

/** As `test()`: `temporaryFolder()` and what opens a store in one give a folder, and the second time `":memory:"`. */
export function everywhere(title, run) {
  test(title, run);
  test(`${title} (in memory)`, (t) => {
    t.context.inMemory = true;
    return run(t);
  });
}
