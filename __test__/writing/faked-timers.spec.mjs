/** Fake timers of a test framework, whose clock stands still, hold up no call. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import test from "ava";
import { carrierNames } from "../helpers/carriers.mjs";

const program = fileURLToPath(new URL("../helpers/faked-program.mjs", import.meta.url));
/** Resolves to the names of the calls that settled. */
function settledCalls(carrier, when) {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, carrier, when], (_error, stdout, stderr) => {
      if (stdout === "") reject(new Error(stderr));
      else resolve(JSON.parse(stdout));
    });
  });
}

for (const carrier of carrierNames) {
  test.serial(`every call of ${carrier} settles while timers are faked`, async (t) => {
    await assertAllSettle(t, carrier, "early");
  });
}

for (const carrier of ["a folder", "a folder of agents", "a backend with agents"]) {
  test.serial(
    `every call of ${carrier} settles, timers are faked before the package is loaded`,
    async (t) => {
      await assertAllSettle(t, carrier, "late");
    },
  );
}

async function assertAllSettle(t, carrier, when) {
  const settled = await settledCalls(carrier, when);
  t.is(settled.at(-1), "all", `the last one to settle was ${settled.at(-1)}`);
  t.true(settled.length > 70);
}
