import test from "ava";
import { Campaign, failures, hasFailed } from "../../campaigns/faults/campaign.mjs";
import { faults } from "../../campaigns/faults/faults.mjs";
import { whyNot } from "../../campaigns/faults/shim.mjs";

const why = whyNot();
if (why !== null) console.warn(`NOT TESTED: no system call can be made to fail here, because ${why}.`);
const on = why === null ? test.serial : test.serial.skip;
const early = new URL("../helpers/early-acknowledging.mjs", import.meta.url).href;

on("system calls of a process fail one after the other, in two cycles, and nothing is lost", async (t) => {
  t.timeout(300_000);
  const campaign = await new Campaign({ runs: 288, seed: 7 }).run();
  t.deepEqual(failures(campaign), []);
  t.deepEqual(Object.keys(campaign.hits).sort(), Object.keys(faults).sort());
  const hits = Object.values(campaign.results).reduce((sum, result) => sum + result.hits, 0);
  t.true(hits > 500, `${hits}`);
});

on("system calls of 0.8.1 fail, fewer of them, and what it loses is seen", async (t) => {
  t.timeout(120_000);
  const chosen = ["immediate", "batch", "compact"];
  const campaign = await new Campaign({ runs: 30, seed: 7, store: "original", chosen }).run();
  t.true(hasFailed(campaign));
  t.true(failures(campaign).some((failure) => /acknowledged operation is lost/.test(failure)));
});

on("a store that acknowledges before it writes is killed at its calls, and that is seen", async (t) => {
  t.timeout(120_000);
  const campaign = await new Campaign({ runs: 90, seed: 7, module: early, chosen: ["immediate"] }).run();
  t.true(failures(campaign).some((failure) => /acknowledged operation is lost/.test(failure)));
});
