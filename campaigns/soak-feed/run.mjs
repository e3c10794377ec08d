/** The soak of the feed: writers and a consumer that keeps its position with its result, all killed again and again. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Store } from "../../index.mjs";
import { carried } from "./carried.mjs";
import { random } from "./random.mjs";

const program = (name) => fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
/** About what a writer notes of an operation, in bytes. */
const NOTED = 50;

const sizeOf = (file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
const linesOf = (file) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []);

export class FeedSoak {
  #options;
  #folder;
  #lives = 0;
  #running = new Map();
  #failures = [];
  /** What was missed. */
  #notes = [];

  /** `agents` is the number of writers; 0 means a single one without agentId. Behind a backend all go through a subclass of FsBackend. */
  constructor({
    kills = 60,
    agents = 0,
    lifeMs = 400,
    together = 40,
    operations = 0,
    seed = 1,
    isBehindBackend = false,
  } = {}) {
    this.#options = { kills, agents, lifeMs, together, operations, seed, isBehindBackend };
  }

  /** Returns what was counted: `missed`, `twice` and `wrong` must be 0. */
  async run() {
    const { kills, agents, lifeMs, together, operations, seed } = this.#options;
    const roll = random(seed);
    const root = await mkdtemp(join(tmpdir(), "opslog-feed-"));
    this.#folder = join(root, "store");
    const journal = (name) => join(root, `${name}.journal`);
    const file = join(root, "result");
    const names = agents === 0 ? ["-"] : Array.from({ length: agents }, (_, n) => `agent${n}`);
    const start = (name) =>
      name === "consumer"
        ? this.#start(name, "consumer", [this.#folder, file])
        : this.#start(name, "writer", [
            this.#folder,
            journal(name),
            name,
            String(seed * 100_000 + ++this.#lives),
            String(together),
          ]);
    try {
      for (const name of [...names, "consumer"]) start(name);
      for (let kill = 0; kill < kills && this.#failures.length === 0; kill++) {
        await delay(lifeMs / 4 + roll(lifeMs));
        const name = roll(2) === 0 ? "consumer" : names[roll(names.length)];
        // On a slow machine all would be killed before they have begun; some are.
        if (name !== "consumer" && roll(4) > 0) {
          const noted = NOTED * roll(2 * operations + 1);
          await this.#written(journal(name), name, noted);
        }
        await this.#kill(name);
        start(name);
      }
      for (const name of names) await this.#kill(name);
      const tally = await this.#judge(names.map(journal), file);
      return { kills, ...tally };
    } finally {
      for (const name of [...this.#running.keys()]) await this.#kill(name);
      // What a failure left is to be looked at.
      if (this.#failures.length + this.#notes.length === 0) await rm(root, { recursive: true, force: true });
      else console.error(`See ${root}`);
    }
  }

  #start(name, which, args) {
    const env = { ...process.env, OPSLOG_SOAK_BACKEND: this.#options.isBehindBackend ? "1" : "" };
    const child = spawn(process.execPath, [program(which), ...args], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (text) => (errors += text));
    child.on("close", (code) => {
      if (code !== null) this.#failures.push(`${name} ended with ${code}: ${errors}`);
    });
    this.#running.set(name, { child, size: which === "writer" ? sizeOf(args[1]) : 0 });
  }

  /** Resolves when a writer has noted more than so many bytes in this life, or has ended. */
  async #written(journal, name, bytes) {
    const { child, size } = this.#running.get(name);
    while (child.exitCode === null && sizeOf(journal) <= size + bytes) await delay(20);
  }

  async #kill(name) {
    const { child } = this.#running.get(name) ?? {};
    this.#running.delete(name);
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, "close");
    child.kill("SIGKILL");
    await gone;
  }

  /** What the consumer has, once it has caught up with all that there is. */
  async #judge(journals, file) {
    const there = await this.#readAll();
    const wanted = [...there].sort().join("\n");
    let result;
    for (let look = 0; look < 300; look++) {
      result = resultOf(file);
      if ([...result.tokens].sort().join("\n") === wanted || this.#failures.length > 0) break;
      await delay(100);
    }
    return this.#compare(there, result, journals, file);
  }

  /** All operations of the store. All writers may have been killed before one of them had created it: then it has none. */
  async #readAll() {
    const store = new Store();
    try {
      await store.open(this.#folder, {
        ...carried(this.#options.isBehindBackend),
        readOnly: true,
        skipLoad: true,
      });
    } catch (error) {
      if (error.code !== "OPSLOG_NO_STORE") throw error;
      return [];
    }
    const there = [];
    for await (const { value, id } of store.changes()) there.push(value?.token ?? `deleted ${id}`);
    await store.close();
    return there;
  }

  #compare(there, { tokens, wrong }, journals, file) {
    const given = new Set(tokens);
    const known = new Set(there);
    const acknowledged = new Set();
    const undone = new Set();
    const doubtful = new Set();
    let issued = 0;
    for (const line of journals.flatMap(linesOf)) {
      const [what, token, end] = line.split(" ");
      if (end !== ".") continue;
      if (what === "issued") issued++;
      else if (what === "acknowledged") acknowledged.add(token);
      else if (what === "undoing") doubtful.add(token);
      else undone.add(token);
    }
    const real = tokens.filter((token) => !token.startsWith("deleted"));
    const lost = [...acknowledged].filter(
      (token) => !undone.has(token) && !doubtful.has(token) && !known.has(token),
    );
    const missed = there.filter((token) => !given.has(token));
    const unknown = tokens.filter((token) => !known.has(token));
    const kept = [...undone].filter((token) => given.has(token));
    for (const [what, found] of [
      ["not given", missed],
      ["acknowledged, and not there", lost],
      ["given, and not there", unknown],
      ["undone, and not taken back", kept],
    ])
      if (found.length > 0) this.#notes.push(`${what}: ${found.slice(0, 10).join(" ")}`);
    return {
      issued,
      operations: there.length,
      begunAnew: linesOf(`${file}.gone`).length,
      missed: missed.length + lost.length,
      twice: real.length - new Set(real).size,
      wrong:
        wrong +
        unknown.length +
        kept.length +
        // Without a journal nothing could be missed.
        (there.length > 0 && issued === 0 ? 1 : 0) +
        this.#failures.length,
      failures: [...this.#failures, ...this.#notes],
    };
  }
}

/** What the consumer's file says that it has, and how often it was told that something was undone that it did not have. */
function resultOf(file) {
  const tokens = new Map();
  let wrong = 0;
  for (const line of linesOf(file)) {
    let parsed;
    try {
      parsed = JSON.parse(line);
    } catch {
      continue;
    }
    const { position, token, undone } = parsed;
    if (undone === undefined) {
      if (tokens.has(position)) wrong++;
      tokens.set(position, token);
    } else if (!tokens.delete(undone)) wrong++;
  }
  return { tokens: [...tokens.values()], wrong };
}

export function hasFailed({ missed, twice, wrong }) {
  return (missed ?? 0) + (twice ?? 0) + (wrong ?? 0) > 0;
}
