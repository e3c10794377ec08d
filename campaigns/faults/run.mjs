/** Runs: each has a workload, a folder of its own, and two faults, one in each of its first two cycles. */
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { originalUrl } from "../../__test__/helpers/original.mjs";
import { Control } from "./control.mjs";
import { faults } from "./faults.mjs";
import { Judge } from "./judge.mjs";
import { FAULTY_CYCLES } from "./plans.mjs";
import { startUnder } from "./shim.mjs";

const program = fileURLToPath(new URL("./child.mjs", import.meta.url));

export const modules = { ours: new URL("../../index.mjs", import.meta.url).href, original: originalUrl };

/** A child that says nothing for so long hangs. */
const HANG_SECONDS = 60;
/** So many cycles are run by one process, if no fault kills it. */
const CYCLES_PER_CHILD = 200;

/** Carries out runs one after the other, in child processes that it starts as they are needed. */
export class Lane {
  #library;
  #root;
  #control;
  #before;
  #child = null;
  #spare = null;
  #number = 0;

  /** `before`: a program under which the children run. */
  constructor(library, root, before = []) {
    this.#library = library;
    this.#root = join(root, "stores");
    mkdirSync(this.#root, { recursive: true });
    this.#control = new Control(join(root, "control"));
    this.#before = before;
  }

  /** The calls of the cycles of a run without faults, in their order, and whether all was well. */
  async trace(run) {
    const traces = [];
    const judge = this.#begin(run);
    for (let cycle = 0; cycle < FAULTY_CYCLES; cycle++) {
      await this.#cycle(judge, run, cycle, null);
      traces.push(this.#control.log());
    }
    this.#end();
    return { traces, sound: judge.violations.length === 0 };
  }

  /**
   * One run. `chosen` has for each of the faulty cycles the name of a fault and the first call that it may hit.
   * Returns the violations, and which calls were hit.
   */
  async run(run, chosen) {
    const judge = this.#begin(run);
    const hits = [];
    for (let cycle = 0; cycle < FAULTY_CYCLES + 2; cycle++) {
      const fault = chosen[cycle] ?? null;
      await this.#cycle(judge, run, cycle, fault);
      if (fault !== null) hits.push({ fault: fault.name, hit: this.#hit() });
    }
    this.#end();
    return { violations: judge.violations, told: judge.told, hits };
  }

  async stop() {
    for (const child of [this.#child, this.#spare]) await child?.kill();
    this.#child = this.#spare = null;
    this.#control.close();
  }

  #begin(run) {
    run.folder = join(this.#root, `${++this.#number}`);
    return new Judge(run);
  }

  #end() {
    rmSync(join(this.#root, `${this.#number}`), { recursive: true, force: true, maxRetries: 5 });
  }

  /** A cycle; if the store cannot be opened in this process, once more in another. */
  async #cycle(judge, run, cycle, fault) {
    const before = judge.violations.length;
    await this.#attempt(judge, run, cycle, fault);
    const closed = judge.violations.slice(before).filter(({ what }) => what === "it cannot be opened");
    if (closed.length === 0) return;
    await this.#child?.kill();
    const from = judge.violations.length;
    await this.#attempt(judge, run, cycle, fault);
    const again = judge.violations.splice(from);
    if (again.some(({ what }) => what === "it cannot be opened")) return;
    judge.violations.push(...again);
    for (const violation of closed) violation.what = "it can be opened in another process only";
  }

  async #attempt(judge, { workload, seed, store, module, folder }, cycle, fault) {
    const child = await this.#ready();
    const { name, point } = fault ?? {};
    this.#control.arm(fault === null ? {} : { ...faults[name], point });
    judge.begin(cycle, name ?? null, () => this.#hit());
    const command = { module: module ?? modules[store], store, workload, seed, cycle, folder };
    const end = await child.command(command, (message) => judge.hear(message));
    this.#control.disarm();
    if (end !== "over") judge.ended(end);
  }

  #hit() {
    const { first } = this.#control.read();
    return first && { ...first, isSync: isPartOfSync(first) };
  }

  async #ready() {
    if (this.#child === null || !this.#child.isFit) {
      await this.#child?.kill();
      this.#child = this.#spare ?? this.#start();
      this.#spare = this.#start();
    }
    return this.#child;
  }

  #start() {
    const { path } = this.#control;
    return new Child(
      startUnder(this.#library, { program, root: this.#root, control: path, before: this.#before }),
    );
  }
}

/** Whether a call that fails leaves it open what is durable: a sync, or the opening of a folder in order to sync it. */
function isPartOfSync({ kind, name }) {
  return (
    /^f(data)?sync( of a folder)?$/.test(kind) ||
    (kind === "open to read" && !name.slice(name.lastIndexOf("/")).includes("."))
  );
}

class Child {
  #process;
  #gone;
  #left = CYCLES_PER_CHILD;
  #listener = null;
  #printed = "";

  constructor(process) {
    this.#process = process;
    this.#gone = once(process, "close").then(([code, signal]) => {
      this.#left = 0;
      this.#listener?.(["ended", signal ?? `${code}: ${this.#printed.slice(0, 1000)}`]);
    });
    process.stdin.on("error", () => {});
    process.stderr.on("data", (chunk) => (this.#printed += chunk));
    let rest = "";
    process.stdout.setEncoding("utf8");
    process.stdout.on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) this.#listener?.(JSON.parse(line));
    });
  }

  get isFit() {
    return this.#left > 0;
  }

  /** Gives a command. Resolves with `"over"`, with how the process ended, or with `"hang"`. */
  async command(command, hear) {
    this.#left--;
    const end = await new Promise((resolve) => {
      const hang = () => setTimeout(() => resolve("hang"), HANG_SECONDS * 1000);
      let timer = hang();
      this.#listener = ([what, ...rest]) => {
        clearTimeout(timer);
        timer = hang();
        if (what === "over") resolve("over");
        else if (what === "ended") resolve(rest[0]);
        else hear([what, ...rest]);
        if (what === "over" || what === "ended") clearTimeout(timer);
      };
      this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    });
    this.#listener = null;
    if (end !== "over") await this.kill();
    return end;
  }

  async kill() {
    this.#left = 0;
    this.#process.kill("SIGKILL");
    await this.#gone;
  }
}
