/** Many runs: every call of each workload in turn, with the faults that can hit it; the second fault is drawn. */
import { memoryFolder } from "../../__test__/helpers/memory-folder.mjs";
import { hash, Random } from "../soak/random.mjs";
import { faultsOf } from "./faults.mjs";
import { workloads } from "./plans.mjs";
import { Lane } from "./run.mjs";
import { buildShim } from "./shim.mjs";

export const defaults = {
  runs: 5000,
  seed: 1,
  store: "ours",
  module: undefined,
  chosen: Object.keys(workloads),
  lanes: 2,
};

/** So many runs have the same plan. */
const RUNS_PER_PLAN = 250;

export class Campaign {
  #options;
  #place = memoryFolder("opslog-faults-");
  /** What is found, by workload. */
  results = {};
  /** How often each fault hit each kind of call. */
  hits = {};
  /** How often each code was told. */
  told = {};

  constructor(options) {
    this.#options = { ...defaults, ...options };
  }

  /** Carries the runs out. `onRun` is called after each with how many there were. */
  async run(onRun = () => {}) {
    const library = buildShim(this.#place.folder);
    const lanes = Array.from(
      { length: this.#options.lanes },
      (_, number) => new Lane(library, `${this.#place.folder}/${number}`),
    );
    try {
      const jobs = await this.#jobs(lanes[0]);
      let next = 0;
      await Promise.all(
        lanes.map(async (lane) => {
          while (next < jobs.length) {
            const job = jobs[next++];
            this.#enter(job, await lane.run({ ...job.run }, job.chosen));
            onRun(next);
          }
        }),
      );
    } finally {
      await Promise.all(lanes.map((lane) => lane.stop()));
      this.#place.remove();
    }
    return this;
  }

  async #jobs(lane) {
    const { chosen, runs } = this.#options;
    const each = Math.ceil(runs / chosen.length);
    const queues = [];
    for (const workload of chosen) queues.push(await this.#jobsOf(lane, workload, each));
    // The workloads in turn, so that a run that is cut short has seen all.
    return Array.from({ length: each }, (_, n) => queues.flatMap((queue) => queue.slice(n, n + 1))).flat();
  }

  async #jobsOf(lane, workload, count) {
    const { seed, store, module } = this.#options;
    const result = (this.results[workload] = {
      runs: 0,
      hits: 0,
      calls: 0,
      points: new Set(),
      failed: 0,
      violations: {},
    });
    const random = new Random(hash(workload, seed));
    const jobs = [];
    for (let plan = 0; jobs.length < count; plan++) {
      const run = { workload, seed: hash(`plan ${plan}`, seed), store, module };
      const { traces, sound } = await lane.trace({ ...run });
      result.sound = (result.sound ?? true) && sound;
      result.calls += traces[0].length;
      const draw = (trace) => {
        const point = random.below(trace.length) + 1;
        return { name: random.pick(faultsOf(trace[point - 1].kind)), point };
      };
      for (let round = 0; round < RUNS_PER_PLAN / traces[0].length && jobs.length < count; round++) {
        const points = random.shuffled(traces[0].map((_, place) => place + 1));
        for (const point of points.slice(0, count - jobs.length)) {
          const fitting = faultsOf(traces[0][point - 1].kind);
          const first = { name: fitting[(point + round) % fitting.length], point };
          jobs.push({ run, plan, chosen: [first, draw(traces[1])] });
        }
      }
    }
    return jobs;
  }

  #enter({ run: { workload, seed }, plan, chosen }, { violations, told, hits }) {
    const result = this.results[workload];
    result.runs++;
    for (const { fault, hit } of hits) {
      if (hit === null) continue;
      result.hits++;
      const row = (this.hits[fault] ??= {});
      row[hit.kind] = (row[hit.kind] ?? 0) + 1;
    }
    if (hits[0]?.hit) result.points.add(`${plan} ${chosen[0].point}`);
    for (const [code, count] of Object.entries(told)) this.told[code] = (this.told[code] ?? 0) + count;
    if (violations.length > 0) result.failed++;
    for (const { what, ...rest } of violations) {
      const violation = (result.violations[what] ??= { count: 0, first: [] });
      violation.count++;
      if (violation.first.length < 3) violation.first.push({ seed, chosen, ...rest });
    }
  }
}

/** Whether anything went wrong. */
export function hasFailed({ results }) {
  return Object.values(results).some(({ failed, sound }) => failed > 0 || !sound);
}

/** What is wrong, in words; empty if nothing is. */
export function failures({ results }) {
  return Object.entries(results).flatMap(([workload, { violations, sound }]) => [
    ...(sound ? [] : [`${workload}: fails without a fault`]),
    ...Object.entries(violations).map(
      ([what, { count, first }]) => `${workload}: ${count} x ${what}: ${JSON.stringify(first[0])}`,
    ),
  ]);
}
