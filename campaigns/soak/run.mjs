/** The soak: agents at work on one folder, killed now and then, and compared with what they were promised. */
import { setTimeout as delay } from "node:timers/promises";
import { memoryFolder } from "../../__test__/helpers/memory-folder.mjs";
import { AgentProcess } from "./agent-process.mjs";
import { readArchives, readManifest } from "./archives.mjs";
import { Bystander } from "./bystander.mjs";
import { Logs } from "./logs.mjs";
import { agentNames } from "./names.mjs";
import { checkArchives, checkLastWriters, checkLogs, checkPrivate, checkSame } from "./oracle.mjs";
import { hash, Random } from "./random.mjs";
import { Tally } from "./tally.mjs";
import { microseconds } from "./telling.mjs";
import { inCopy, locales, look, moduleOf } from "./views.mjs";

export const defaults = {
  store: "ours",
  /** URL of the module whose Store it is, if not the usual one. */
  module: undefined,
  agents: 8,
  seconds: 600,
  seed: 1,
  killEveryMs: 2000,
  /** Private records of each agent; an eighth as many again, of all agents' together, are shared. */
  keys: 1000,
  stepsPerSecond: 200,
  /** Between two looks at all agents at rest. Every fourth also reads the logs, and the last two. */
  lookEverySeconds: 15,
  /** Whether programs of newer and newer schema versions come, and older ones are refused. */
  versions: true,
  /** A call that takes longer hangs. */
  hangSeconds: 60,
  everyMs: { refresh: 700, tail: 900, compact: 3000, archive: 8000, reopen: 6000 },
};

export class Soak {
  #options;
  #folder;
  #random;
  #tally = new Tally();
  #agents;
  #logs;
  #bystander = null;
  #sharedShare;

  constructor(options) {
    this.#options = { ...defaults, ...options };
    const { store, module, agents, seed, keys, stepsPerSecond, everyMs } = this.#options;
    const versions = store === "ours" && this.#options.versions;
    this.#random = new Random(hash("soak", seed));
    this.#folder = memoryFolder("opslog-soak-");
    this.#logs = new Logs(this.#folder.folder);
    const sharedKeys = Math.ceil((agents * keys) / 8);
    this.#sharedShare = sharedKeys / (sharedKeys + agents * keys);
    this.#agents = agentNames(agents, store === "original").map((agent, index) => {
      const settings = { module: module ?? moduleOf(store), folder: this.#folder.folder, agent, index, seed };
      const work = { privateKeys: keys, sharedKeys, sharedChance: 0.2, stepsPerSecond, everyMs };
      return new AgentProcess({ ...settings, ...work, skipLoad: store === "ours", versions }, this.#tally);
    });
  }

  get folder() {
    return this.#folder.folder;
  }

  /** Runs it and returns what it counted. `onLook` is called after each look. */
  async run(onLook = () => {}) {
    const watch = setInterval(() => this.#watch(), 100);
    try {
      if (this.#options.store === "ours") await this.#watchAsReader();
      for (const agent of this.#agents) agent.start();
      const end = performance.now() + this.#options.seconds * 1000;
      // The last look comes behind the last interlude, however long that took.
      for (let looks = 1; ; looks++) {
        const left = Math.max(0, end - performance.now());
        const isLast = left <= this.#options.lookEverySeconds * 1500;
        await this.#work(isLast ? left : this.#options.lookEverySeconds * 1000);
        await this.#look(isLast || looks % 4 === 0);
        onLook(this.summary());
        if (isLast) break;
        if (looks % 2 === 1) await this.#interlude();
        for (const agent of this.#agents) agent.resume();
      }
      await this.#end();
      return this.summary();
    } finally {
      clearInterval(watch);
      await this.#bystander?.end();
      await Promise.all(this.#agents.map((agent) => agent.kill()));
    }
  }

  async #watchAsReader() {
    const { Store } = await import(this.#options.module ?? moduleOf("ours"));
    this.#bystander = new Bystander(Store, this.#folder.folder, this.#random, this.#tally);
    this.#bystander.start();
  }

  /** All agents go; the folder is put back, and a single writer has it, under the eyes of the reader that stays. */
  async #interlude() {
    const { state } = this.#agents[0];
    if (this.#bystander === null || state === null) return;
    await Promise.all(this.#agents.map((agent) => agent.stop()));
    await this.#bystander.interlude(state);
  }

  remove() {
    this.#folder.remove();
  }

  summary() {
    const tally = this.#tally;
    const total = (name) => this.#agents.reduce((sum, { ledger }) => sum + ledger[name], 0);
    return {
      store: this.#options.store,
      seed: this.#options.seed,
      agents: this.#agents.length,
      acknowledged: tally.acknowledgedCount,
      undone: tally.undoneCount,
      lost: total("lost"),
      resurrected: total("resurrected"),
      archived: this.#agents.reduce(
        (sum, { archives }) => sum + archives.reduce((all, { count }) => all + count, 0),
        0,
      ),
      compactions: tally.snapshots.size,
      kills: tally.kills,
      tellable: tally.tellable,
      interludes: tally.interludes,
      sharedKeys: this.#sharedShare,
      overlap: { ...tally.overlap(), operations: tally.overlapping },
      calls: tally.calls,
      errors: tally.errors,
      unexpectedErrors: tally.unexpectedErrors,
      refused: tally.refused,
      violations: tally.violations,
    };
  }

  /** Lets the agents work for a while, and kills one of them every now and then. */
  async #work(ms) {
    const end = performance.now() + ms;
    const from = microseconds();
    while (performance.now() < end) {
      const pause = this.#random.around(this.#options.killEveryMs);
      await delay(Math.min(pause, end - performance.now()));
      if (performance.now() >= end) break;
      const agent = this.#random.pick(this.#agents);
      this.#tally.kills++;
      await agent.kill();
      agent.start();
    }
    this.#tally.worked(from, microseconds());
  }

  /** Brings all agents to rest and compares what they see with what they were promised. */
  async #look(thorough) {
    await this.#askAll("pause", "quiet");
    await this.#askAll("look", "state");
    const tally = this.#tally;
    const { store } = this.#options;
    const [first, ...others] = this.#agents;
    const { state } = first;
    if (state === null) return;
    await this.#bystander?.compare(state, this.#agents);
    for (const agent of this.#agents) agent.hearing.check(this.#agents, agent.name, tally);
    for (const agent of others) checkSame(state, agent.state ?? new Map(), agent.name, tally);
    await this.#view(state, this.folder, "a reader", { options: { readOnly: true } });
    if (store === "ours") {
      const options = { readOnly: true, agentId: this.#random.pick(this.#agents).name };
      await this.#view(state, this.folder, "a reader with agentId", { options });
    }
    checkPrivate(this.#agents, state, tally);
    if (thorough) this.#compareWithLogs(state);
  }

  #compareWithLogs(state) {
    const logs = this.#logs.read();
    const archives = readArchives(this.folder);
    checkLogs(this.#agents, logs, this.#tally);
    checkLastWriters(this.#agents, logs, state, archives, this.#tally);
    checkArchives(this.#agents, logs, archives, this.#tally);
  }

  /** Closes the agents; then the folder alone must say the same, to every reader. */
  async #end() {
    const { state } = this.#agents[0];
    await this.#askAll("stop", "closed");
    if (state === null) return;
    const { store } = this.#options;
    const options = { readOnly: true, ...(store === "original" && { agentId: this.#agents[0].name }) };
    const found = new Set();
    for (const locale of locales) {
      const view = { store, options, locale };
      found.add(await this.#view(state, this.folder, `a reader under ${locale}`, view));
      await inCopy(this.folder, this.#random, (copy) =>
        this.#view(state, copy, `a reader of shuffled logs under ${locale}`, view),
      );
    }
    // Windows knows no LC_ALL.
    if (process.platform !== "win32" && found.size < locales.length)
      this.#tally.note("locales", `only ${[...found].join(", ")} took effect`);
    if (store === "ours") {
      await inCopy(this.folder, this.#random, (copy) =>
        this.#view(state, copy, "0.8.1", {
          store: "original",
          module: undefined,
          options: { agentId: "reader", checkpointOnClose: false },
        }),
      );
    }
    this.#compareWithLogs(state);
    await this.#bystander?.interlude(state);
  }

  async #view(state, folder, who, view) {
    const { store, module } = this.#options;
    try {
      const { state: seen, locale } = await look(folder, { store, module, ...view });
      checkSame(state, seen, who, this.#tally);
      return locale;
    } catch (error) {
      this.#tally.note("different views", `${who} failed: ${reason(error)}`);
      return null;
    }
  }

  async #askAll(command, answer) {
    await Promise.all(this.#agents.map((agent) => agent.ask(command, answer)));
  }

  #watch() {
    try {
      this.#tally.snapshots.add(readManifest(this.folder).currentSnapshot);
    } catch {
      // There is none yet, or 0.8.1 is about to replace it.
    }
    for (const agent of this.#agents) {
      const isLate = performance.now() - agent.lastWordAt > this.#options.hangSeconds * 1000;
      if (!agent.isRunning || !isLate) continue;
      this.#tally.note("hang", `${agent.name} after ${agent.lastWord?.slice(0, 200)}`);
      agent.lastWordAt = performance.now();
      agent.kill().then(() => agent.start());
    }
  }
}

/** What a program died of, from what it printed. */
function reason({ stderr = "", message }) {
  const [line = message] = /^.*Error: .*$/m.exec(stderr) ?? [];
  return line.slice(0, 300);
}
