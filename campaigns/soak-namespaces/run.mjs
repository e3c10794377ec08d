/**
 * The soak in namespaces. Phases with agents and phases with single writers take turns on one folder; between them all
 * processes are killed, and a reader compares what is there with what was acknowledged.
 */
import { spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inContainer } from "../../__test__/helpers/containers.mjs";
import { memoryFolder } from "../../__test__/helpers/memory-folder.mjs";
import { hash, Random } from "../soak/random.mjs";
import { leftIn } from "./left.mjs";
import { Ledger } from "./ledger.mjs";

const program = fileURLToPath(new URL("./worker.mjs", import.meta.url));

export const defaults = {
  /** URL of the module whose Store it is. */
  module: new URL("../../index.mjs", import.meta.url).href,
  /** Processes at a time, each in its own namespace. */
  namespaces: 3,
  seconds: 300,
  seed: 1,
  /** How long a phase lasts, and how long a process may live in it. */
  phaseMs: 4000,
  lifeMs: 900,
  /** Records of each writer. */
  keys: 1500,
  /** A process that has not opened the folder in so long hangs. */
  hangSeconds: 60,
  keep: null,
};

/** A number that the process has in its namespace: 1, as in most containers; one that threads have elsewhere; or any. */
const pidsOf = (random) => random.pick([1, 1, 2 + random.below(14), 20 + random.below(2000)]);

export class NamespaceSoak {
  #options;
  #random;
  #place = memoryFolder("opslog-soak-namespaces-");
  #folder = join(this.#place.folder, "store");
  #ledger = new Ledger();
  #running = new Set();
  /** By writer: the number of its next operation. */
  #next = new Map();
  #tally = {
    phases: 0,
    starts: 0,
    kills: 0,
    acknowledged: 0,
    underWay: 0,
    compactions: 0,
    compactionsBusy: 0,
    keptOut: 0,
    pids: new Set(),
    lost: 0,
    problems: {},
  };

  constructor(options) {
    this.#options = { ...defaults, ...options };
    this.#random = new Random(hash("namespaces", this.#options.seed));
  }

  /** Runs it and returns what it counted. `onPhase` is called after each phase. */
  async run(onPhase = () => {}) {
    const { Store } = await import(this.#options.module);
    const end = performance.now() + this.#options.seconds * 1000;
    try {
      for (let phase = 0; performance.now() < end || phase < 2; phase++) {
        await (phase % 2 === 0 ? this.#agents() : this.#singleWriters());
        await Promise.all([...this.#running].map((one) => one.kill()));
        await this.#compare(Store);
        this.#tally.phases++;
        this.#tally.acknowledged = this.#ledger.acknowledged;
        onPhase(this.#tally);
      }
      await this.#quiet(Store);
      if (hasFailed(this.#tally) && this.#options.keep !== null)
        cpSync(this.#folder, this.#options.keep, { recursive: true });
    } finally {
      await Promise.all([...this.#running].map((one) => one.kill()));
      this.#place.remove();
    }
    return this.#tally;
  }

  /** An agent in each namespace, killed and started again, each time in a new namespace. */
  async #agents() {
    const until = performance.now() + this.#options.phaseMs;
    const lane = async (number) => {
      while (performance.now() < until) {
        const agent = this.#start({ owner: `agent${number}`, agentId: `agent${number}` });
        if (!(await agent.opened)) this.#problem("an agent's restart is refused", agent.refusal);
        await delay(this.#random.below(this.#options.lifeMs));
        await agent.kill();
      }
    };
    await Promise.all(Array.from({ length: this.#options.namespaces }, (_, number) => lane(number)));
  }

  /** One writer after the other; now and then others try meanwhile, in other namespaces. */
  async #singleWriters() {
    const until = performance.now() + this.#options.phaseMs;
    while (performance.now() < until) {
      const writer = this.#start({ owner: "writer" });
      if (!(await writer.opened)) this.#problem("a writer's restart is refused", writer.refusal);
      const others = Array.from({ length: this.#options.namespaces - 1 }, () => this.#random.chance(0.3));
      await Promise.all(others.map((tries) => tries && this.#tryBeside()));
      await delay(this.#random.below(this.#options.lifeMs));
      await writer.kill();
    }
  }

  async #tryBeside() {
    const other = this.#start({ owner: "second" });
    if (await other.opened) this.#problem("two writers have the folder open", "");
    else if (/OPSLOG_LOCKED Store is locked by process \d+\. (?!.*delete)/.test(other.refusal))
      this.#tally.keptOut++;
    else this.#problem("a second writer is not told that the folder is locked", other.refusal);
    await other.kill();
  }

  /** Starts a process; `opened` says whether it came to write, `refusal` why it did not. */
  #start({ owner, agentId }) {
    const { module, keys, hangSeconds } = this.#options;
    const seed = this.#random.below(2 ** 31);
    const first = this.#next.get(owner) ?? 1;
    const settings = { module, folder: this.#folder, agentId, owner, seed, first, keys };
    const [file, ...args] = inContainer({ pid: pidsOf(this.#random) });
    const child = spawn(file, [...args, process.execPath, program, JSON.stringify(settings)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#tally.starts++;
    const closed = new Promise((resolve) => child.on("close", resolve));
    let isKilled = false;
    const process_ = {
      refusal: "",
      kill: async () => {
        if (!isKilled && child.exitCode === null) this.#tally.kills++;
        isKilled = true;
        child.kill("SIGKILL");
        await closed;
      },
    };
    process_.opened = new Promise((resolve) => {
      const hang = setTimeout(() => {
        process_.refusal = `it has not opened the folder in ${hangSeconds} s`;
        resolve(false);
      }, hangSeconds * 1000);
      const settle = (has) => {
        clearTimeout(hang);
        resolve(has);
      };
      let printed = "";
      child.stderr.on("data", (chunk) => (printed += chunk));
      createInterface({ input: child.stdout }).on("line", (line) =>
        this.#hear(line, owner, process_, settle),
      );
      void closed.then((code) => {
        this.#running.delete(process_);
        if (!isKilled && process_.refusal === "")
          this.#problem("a process ended by itself", `${code} ${printed.slice(0, 1000)}`);
        settle(false);
      });
    });
    this.#running.add(process_);
    return process_;
  }

  #hear(line, owner, from, settle) {
    const [what, ...words] = line.split(" ");
    const rest = words.join(" ");
    const [id, text] = words;
    const n = text === "-" ? null : Number(text);
    if (what === "call") {
      this.#ledger.called(id, n);
      if (n !== null) this.#next.set(owner, n + 1);
    } else if (what === "ack") this.#ledger.acknowledge(id, n);
    else if (what === "compacted") this.#tally.compactions++;
    else if (what === "busy") this.#tally.compactionsBusy++;
    else if (what === "open") {
      this.#tally.pids.add(Number(rest));
      settle(true);
    } else if (what === "locked") {
      from.refusal = JSON.parse(rest);
      settle(false);
    } else if (what === "failed") {
      from.refusal = JSON.parse(rest);
      this.#problem(`${from.refusal.split(" ").slice(0, 2).join(" ")} fails`, from.refusal);
      settle(false);
    }
  }

  async #compare(Store) {
    this.#tally.underWay += this.#ledger.underWay;
    const reader = new Store();
    try {
      await reader.open(this.#folder, { readOnly: true });
      const entries = reader.entries().map(([id, { n }]) => [id, n]);
      for (const wrong of this.#ledger.settle(entries)) {
        this.#tally.lost++;
        this.#problem("a record is not what was acknowledged", wrong);
      }
      await reader.close();
    } catch (error) {
      this.#problem("a reader fails", error.stack);
    }
  }

  /** The next writer opens the folder and makes a checkpoint: then nothing is there of all that were killed. */
  async #quiet(Store) {
    const store = new Store();
    try {
      await store.open(this.#folder);
      await store.compact();
      await store.close();
      const left = leftIn(this.#folder);
      if (left.length > 0) this.#problem("files are left", left.join(" "));
      const report = await Store.verify(this.#folder);
      if (!report.ok) this.#problem("files are damaged", JSON.stringify(report.damage[0]));
    } catch (error) {
      this.#problem("the last writer fails", error.stack);
    }
  }

  #problem(what, detail) {
    const problem = (this.#tally.problems[what] ??= { count: 0, first: String(detail).slice(0, 2000) });
    problem.count++;
  }
}

/** Whether anything went wrong. */
export function hasFailed({ lost, problems }) {
  return lost > 0 || Object.keys(problems).length > 0;
}
