/** The soak with kills: lanes of writers, one life after the other, each killed at a random moment. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { memoryFolder } from "../../__test__/helpers/memory-folder.mjs";
import { hash, Random } from "../soak/random.mjs";
import { Notes } from "./notes.mjs";

const program = fileURLToPath(new URL("./writer.mjs", import.meta.url));

export const defaults = {
  /** URL of the module whose Store it is. */
  module: new URL("../../index.mjs", import.meta.url).href,
  kills: 10_000,
  acknowledged: 5_000_000,
  lanes: 2,
  seed: 1,
  /** A writer is killed up to so many milliseconds after its first acknowledgement. */
  workMs: 16,
  /** A folder is used for so many lives. */
  lives: 60,
  /** A writer that says nothing for so long hangs. */
  hangSeconds: 120,
  /** Where a folder is kept in which something was lost. */
  keep: null,
};

export class KillSoak {
  #options;
  #place = memoryFolder("opslog-soak-kill-");
  #nextFolder = 0;
  #tally = {
    kills: 0,
    killsBeforeFirst: 0,
    folders: 0,
    largeFolders: 0,
    acknowledged: 0,
    underWay: 0,
    survived: 0,
    tornEnds: 0,
    lost: 0,
    problems: {},
  };

  constructor(options) {
    this.#options = { ...defaults, ...options };
  }

  /** Runs it and returns what it counted. `onFolder` is called after each folder. */
  async run(onFolder = () => {}) {
    const lane = async () => {
      while (!this.#isDone()) {
        await this.#folder(this.#nextFolder++);
        onFolder(this.#tally);
      }
    };
    try {
      await Promise.all(Array.from({ length: this.#options.lanes }, lane));
    } finally {
      this.#place.remove();
    }
    return this.#tally;
  }

  #isDone() {
    const { kills, acknowledged } = this.#options;
    return this.#tally.kills >= kills && this.#tally.acknowledged >= acknowledged;
  }

  async #folder(number) {
    const seed = hash(`folder ${number}`, this.#options.seed);
    const random = new Random(hash("kills", seed));
    const base = join(this.#place.folder, `${number}`);
    const large = random.chance(0.15);
    const settings = {
      module: this.#options.module,
      folder: join(base, "store"),
      notes: join(base, "notes"),
      seed,
      large,
      /** Whether the order of records is compared too. */
      ordered: random.chance(0.5),
      keys: large ? 500 : random.pick([80, 150, 400]),
    };
    mkdirSync(settings.notes, { recursive: true });
    this.#tally.folders++;
    if (large) this.#tally.largeFolders++;
    let sound = true;
    for (let life = 1; sound && life <= this.#options.lives && !this.#isDone(); life++) {
      sound = await this.#life({ ...settings, life }, random);
    }
    if (sound) sound = await this.#life({ ...settings, life: -1, only: "verify" }, null);
    if (!sound && this.#options.keep !== null) {
      cpSync(base, join(this.#options.keep, `${number}`), { recursive: true });
    }
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  }

  /** One life. Returns whether all was well. */
  async #life(settings, random) {
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const closed = once(child, "close");
    const killed = { after: null };
    const kill = (when) => {
      killed.after ??= when;
      child.kill("SIGKILL");
    };
    const hang = setTimeout(() => kill("hang"), this.#options.hangSeconds * 1000);
    const early = random?.chance(0.05) ? setTimeout(() => kill("start"), 30 + random.below(90)) : undefined;
    const afterMs =
      random === null ? 0 : random.chance(0.1) ? random.below(60) : random.next() * this.#options.workMs;

    let printed = "";
    child.stderr.on("data", (chunk) => (printed += chunk));
    let sound = true;
    let rest = "";
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const { recovered, problem, lost, stack, begun } = JSON.parse(line);
        if (recovered) this.#recovered(recovered);
        if (problem !== undefined) {
          sound = false;
          this.#tally.lost += lost;
          this.#problem(problem, `${JSON.stringify(settings)} ${stack ?? ""}`);
        }
        if (begun) delay(afterMs).then(() => kill("work"));
      }
    });
    const [code] = await closed;
    clearTimeout(hang);
    clearTimeout(early);
    if (killed.after === "hang") this.#problem("a writer hangs", JSON.stringify(settings));
    else if (killed.after !== null) this.#killed(settings, killed.after);
    else if (sound && code !== 0) {
      sound = false;
      this.#problem(`a writer ended with ${code}`, `${JSON.stringify(settings)} ${printed}`);
    }
    return sound && killed.after !== "hang";
  }

  #recovered({ underWay, survived, tornBytes }) {
    this.#tally.underWay += underWay;
    this.#tally.survived += survived;
    if (tornBytes > 0) this.#tally.tornEnds++;
  }

  #killed({ life, notes: folder }, when) {
    this.#tally.kills++;
    if (when === "start") this.#tally.killsBeforeFirst++;
    const notes = new Notes(folder);
    const progress = notes.readProgress();
    notes.close();
    if (progress.life === life) this.#tally.acknowledged += progress.acknowledged;
  }

  #problem(what, detail) {
    const problem = (this.#tally.problems[what] ??= { count: 0, first: detail.slice(0, 2000) });
    problem.count++;
  }
}

/** Whether anything went wrong. */
export function hasFailed({ lost, problems }) {
  return lost > 0 || Object.keys(problems).length > 0;
}
