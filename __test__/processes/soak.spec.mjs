import test from "ava";
import { failures, Race } from "../../campaigns/race/run.mjs";
import { kinds } from "../../campaigns/race/rounds.mjs";
import { hasFailed, report } from "../../campaigns/soak/report.mjs";
import { hasFailed as hasLost, KillSoak } from "../../campaigns/soak-kill/run.mjs";
import { hasFailed as isWrong, NamespaceSoak } from "../../campaigns/soak-namespaces/run.mjs";
import { Soak } from "../../campaigns/soak/run.mjs";
import { Tally } from "../../campaigns/soak/tally.mjs";
import { whyNoContainers } from "../helpers/containers.mjs";

const short = { seconds: 10, lookEverySeconds: 3, killEveryMs: 700, keys: 200, stepsPerSecond: 60, seed: 7 };
const often = { everyMs: { refresh: 300, tail: 400, compact: 900, archive: 1500, reopen: 1500 } };

function soak(t, options) {
  const subject = new Soak({ ...short, ...often, ...options });
  t.teardown(() => subject.remove());
  return subject.run();
}

test.serial("eight agents at random work, one killed now and then, lose nothing and agree", async (t) => {
  const summary = await soak(t, {});
  t.false(hasFailed(summary), report(summary));
  const counts = [
    "acknowledged",
    "undone",
    "archived",
    "compactions",
    "kills",
    "refused",
    "tellable",
    "interludes",
  ];
  for (const count of counts) t.true(summary[count] > 0, count);
  t.true(summary.overlap.operations > 0);
});

test.serial("the soak of 0.8.1, shorter, sees what 0.8.1 loses", async (t) => {
  const summary = await soak(t, { store: "original", agents: 4, seconds: 3 });
  t.true(hasFailed(summary), report(summary));
  // It loses operations, or all of them: then no agent can open the folder any more, and each of them ends.
  t.true(summary.lost > 0 || summary.violations.ended !== undefined, report(summary));
});

test.serial("eight processes open one folder at once, in each kind of round, as they should", async (t) => {
  const race = new Race({ seed: 7 });
  const quick = kinds.filter(({ title }) => !/empty|garbled/.test(title));
  t.deepEqual(failures(await race.run(2 * quick.length, { chosen: quick })), []);
});

test.serial("a writer that is killed at random moments loses nothing that was acknowledged", async (t) => {
  t.timeout(300_000);
  const tally = await new KillSoak({ kills: 120, acknowledged: 10_000, lives: 20, seed: 18 }).run();
  t.false(hasLost(tally), JSON.stringify(tally, null, 2));
  for (const count of ["underWay", "survived", "largeFolders"]) t.true(tally[count] > 0, count);
});

test.serial("the soak with kills sees a store that acknowledges before it writes", async (t) => {
  const module = new URL("../helpers/early-acknowledging.mjs", import.meta.url).href;
  const tally = await new KillSoak({ kills: 15, acknowledged: 0, seed: 7, module }).run();
  t.true(tally.lost > 0);
});

const why = whyNoContainers();
if (why !== null)
  console.warn(`NOT TESTED: no process can have a namespace of its own here, because ${why}.`);
const inNamespaces = why === null ? test.serial : test.serial.skip;
const brief = { seconds: 0, phaseMs: 3000, lifeMs: 500, keys: 600, seed: 7 };

inNamespaces(
  "agents and single writers in three process namespaces, killed at random, lose nothing, are never refused and leave nothing",
  async (t) => {
    t.timeout(300_000);
    const tally = await new NamespaceSoak(brief).run();
    t.false(isWrong(tally), JSON.stringify(tally.problems, null, 2));
    for (const count of ["kills", "acknowledged", "compactions"]) t.true(tally[count] > 0, count);
    t.true(tally.pids.size > 1);
  },
);

inNamespaces("the soak in namespaces sees what 0.8.1 does where containers are started again", async (t) => {
  t.timeout(300_000);
  const module = import.meta.resolve("opslog-reference");
  const tally = await new NamespaceSoak({ ...brief, module }).run();
  t.true(isWrong(tally));
  // How many restarts there are, and which of these comes first, is chance.
  const seen = [
    "a writer's restart is refused",
    "an agent's restart is refused",
    "two writers have the folder open",
  ];
  t.true(
    seen.some((problem) => problem in tally.problems),
    JSON.stringify(tally.problems, null, 2),
  );
});

/** What is counted of two agents at work for seven seconds, of which each process took so long to start. */
function overlapOf({ startSeconds, writesOfOther }) {
  const tally = new Tally();
  const arrived = (agent, second) => tally.arrived(agent, (second - startSeconds) * 1e6, second * 1e6);
  const acknowledged = (agent, second) => tally.acknowledged(agent, 1, second * 1e6, second * 1e6 + 1000);
  tally.worked(9e6, 16e6);
  arrived(0, 9);
  arrived(1, 9);
  for (const second of [10, 11, 14]) acknowledged(0, second);
  for (const second of writesOfOther) acknowledged(1, second);
  // The second agent is killed, and its next process is ready in the middle of a second.
  tally.left(1, 12.5e6);
  arrived(1, 13.5);
  return tally.overlap();
}

test("the soak of agents expects writes of two agents in each second all through which two processes were there", (t) => {
  const counted = overlapOf({ startSeconds: 0.2, writesOfOther: [10, 14, 15] });
  t.deepEqual(counted, { seconds: 4, shared: 2, waited: 2, patience: 1 });
});

test("the soak of agents, processes take longer than a second to start, expects writes of two agents within that time", (t) => {
  const slow = { startSeconds: 1.5 };
  const counted = overlapOf({ ...slow, writesOfOther: [10, 14] });
  t.deepEqual(counted, { seconds: 4, shared: 4, waited: 2, patience: 2 });
  t.is(overlapOf({ ...slow, writesOfOther: [10] }).shared, 2);
});
