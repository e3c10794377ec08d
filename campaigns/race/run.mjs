/** Rounds of eight processes that open one folder at once. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { memoryFolder } from "../../__test__/helpers/memory-folder.mjs";
import { Random } from "../soak/random.mjs";
import { Opener } from "./openers.mjs";
import { kinds } from "./rounds.mjs";

/** Codes and messages with which an opener may lose. */
const isClear = ({ code, message }, store) =>
  store === "original"
    ? /Store is locked by process/.test(message)
    : code === "OPSLOG_LOCKED" && message.length > 20;

/** Whether several of 0.8.1 race, or one of them meets a lock that it takes from its holder. */
const isDisturbed = ({ winners, eitherOr }) => winners === null && !eitherOr;

export class Race {
  #random;
  #place = memoryFolder("opslog-race-");
  #openers;
  results = {};

  constructor({ seed = 1, modules } = {}) {
    this.#random = new Random(seed);
    this.#openers = Array.from({ length: 8 }, () => new Opener(modules));
  }

  async run(rounds, { chosen = kinds, onRound = () => {} } = {}) {
    try {
      await Promise.all(this.#openers.map((opener) => opener.ask("ready")));
      for (let n = 0; n < rounds; n++) {
        await this.#round(n < chosen.length ? chosen[n] : this.#choose(chosen), n);
        onRound(n + 1);
      }
    } finally {
      for (const opener of this.#openers) opener.end();
      this.#place.remove();
    }
    return this.results;
  }

  #choose(chosen) {
    let rest = this.#random.next() * chosen.reduce((sum, { weight }) => sum + weight, 0);
    return chosen.find(({ weight }) => (rest -= weight) < 0) ?? chosen[0];
  }

  async #round(kind, n) {
    const result = (this.results[kind.title] ??= {
      rounds: 0,
      winners: {},
      problems: {},
      byOriginal: 0,
      failuresOfOriginal: 0,
      refusedInPassing: 0,
    });
    result.rounds++;
    const problem = (what) => (result.problems[what] = (result.problems[what] ?? 0) + 1);
    const folder = join(this.#place.folder, `round-${n}`);
    mkdirSync(folder);
    const openers = this.#random.shuffled(this.#openers);
    if (kind.before) await this.#writeBefore(openers[0], kind.before, folder, problem);
    const cleanUp = kind.prepare?.(folder);

    const answers = await Promise.all(
      openers.map((opener, place) => {
        const { store, options } = kind.openers[place];
        return opener.ask("open", { kind: store, folder, options });
      }),
    );
    const winners = openers.map((_, place) => place).filter((place) => "result" in named(answers[place]));
    const count = (store) => winners.filter((place) => kind.openers[place].store === store).length;
    result.winners[winners.length] = (result.winners[winners.length] ?? 0) + 1;
    answers.forEach((answer, place) => {
      const { store } = kind.openers[place];
      if (answer.hangs) problem("an open hangs");
      else if (answer.error && !isClear(answer.error, store)) {
        const { code = "", message } = answer.error;
        // Several of 0.8.1 take the lock from each other, and then each other's files: that is not ours to prevent.
        if (store === "original" && isDisturbed(kind)) result.failuresOfOriginal++;
        else problem(`${store}: ${code} ${message}`.replaceAll(folder, "DIR"));
      }
    });
    this.#judge(kind, winners, count, result, problem);
    await this.#writeAndClose(kind, openers, winners, folder, problem);
    cleanUp?.();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #judge(kind, winners, count, result, problem) {
    const isAgent = (place) => kind.openers[place].options.agentId !== undefined;
    if (kind.eitherOr) {
      const agents = winners.filter(isAgent).length;
      const writers = winners.length - agents;
      if (agents > 0 && writers > 0) problem("agents and a single writer hold the folder at once");
      if (writers > 1) problem("two winners");
      if (agents === 0 && writers === 0) problem("no process wins");
      if (agents > 0 && agents < kind.openers.filter((_, place) => isAgent(place)).length)
        // By a single writer who then found that there are agents: it cannot be told before.
        result.refusedInPassing++;
    } else if (kind.winners === null) {
      if (count("ours") > 1) problem("two winners, both of ours");
      else if (winners.length > 1) result.byOriginal++;
      if (winners.length === 0) problem("no process wins");
    } else if (winners.length > kind.winners) problem("two winners");
    else if (winners.length < kind.winners)
      problem(kind.winners === 8 ? "an agent is refused" : "no process wins");
  }

  async #writeBefore(opener, { store, options }, folder, problem) {
    await opener.ask("open", { kind: store, folder, options });
    await opener.ask("write", { id: "before", value: { n: 1 } });
    if ((await opener.ask("close")).error) problem("the writer before them could not close");
  }

  async #writeAndClose(kind, openers, winners, folder, problem) {
    if (winners.length === 0) return;
    const places = winners.map((place) => [openers[place], kind.openers[place].options.agentId]);
    if (kind.winners === 8) this.#checkRegistered(folder, places, problem);
    const written = await Promise.all(
      places.map(async ([opener], n) => [
        `id-${n}`,
        await opener.ask("write", { id: `id-${n}`, value: { n } }),
      ]),
    );
    for (const [, { error, hangs }] of written) {
      if (hangs) problem("a write hangs");
      else if (error && !isDisturbed(kind))
        problem(`a write fails: ${error.code} ${error.message}`.replaceAll(folder, "DIR"));
    }
    const closed = await Promise.all(places.map(([opener]) => opener.ask("close")));
    for (const { error, hangs } of closed) {
      if (hangs) problem("a close hangs");
      else if (error && !isDisturbed(kind))
        problem(`a close fails: ${error.code} ${error.message}`.replaceAll(folder, "DIR"));
    }
    if (isDisturbed(kind)) return;
    const expected = written.filter(([, { error, hangs }]) => !error && !hangs).map(([id]) => id);
    if (kind.before) expected.push("before");
    const { result, error } = await openers[0].ask("read", { folder, options: { readOnly: true } });
    if (error) problem(`a reader fails: ${error.message}`.replaceAll(folder, "DIR"));
    else if (expected.some((id) => !result.some(([found]) => found === id)))
      problem("an acknowledged write is lost");
  }

  #checkRegistered(folder, places, problem) {
    let activeAgentOps;
    try {
      ({ activeAgentOps = {} } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")));
    } catch {
      problem("the manifest is damaged");
      return;
    }
    const logs = Object.values(activeAgentOps);
    for (const [, agentId] of places) {
      if (!Object.hasOwn(activeAgentOps, agentId)) problem("an agent is not registered");
    }
    if (new Set(logs).size < logs.length) problem("two agents share a log");
  }
}

/** An answer without a result is still an answer: `undefined` does not travel. */
function named(answer) {
  return answer.error || answer.hangs ? {} : { result: answer.result };
}

/** Whether anything went wrong that ours must prevent. */
export function failures(results) {
  return Object.entries(results).flatMap(([title, { problems }]) =>
    Object.entries(problems).map(([what, count]) => `${title}: ${count} x ${what}`),
  );
}
