/**
 * A life of agents in whose logs another process appends: whole lines, under names of its own or an agent's, with any
 * clock, and parts of lines. Each operation has a record of its own, so that what must be there is plain.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { memoryFolder } from "../../__test__/helpers/memory-folder.mjs";
import { Random } from "../soak/random.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Number.MAX_SAFE_INTEGER };
const NEWLINE = 10;

export class Life {
  #Store;
  #random;
  #place = memoryFolder("opslog-foreign-lines-");
  #agents = [];
  /** A reader that stays, and one that is asked for the state. */
  #reader;
  #looker;
  #heard = new Map();
  /** What was written, by agents and by the other process. */
  #written = [];
  #rests = [];
  #takesParts;
  #numbers = 0;
  #clock = 1000;
  /** What was done, for the report of a failure. */
  #log = [];

  constructor(Store, seed) {
    this.#Store = Store;
    this.#random = new Random(seed);
    this.#takesParts = seed % 2 === 1;
  }

  async run(steps) {
    try {
      for (let n = 1 + this.#random.below(3); n > 0; n--) {
        const agent = { name: `a${this.#agents.length}`, heard: new Map(), isDeaf: false, store: null };
        this.#agents.push(agent);
        await this.#open(agent);
      }
      [this.#reader, this.#looker] = [await this.#read(), await this.#read()];
      for (let n = 0; n < steps; n++) await this.#step();
      await this.#end();
      const foreign = this.#written.filter(({ by }) => by === "other").length;
      return { operations: this.#written.length, foreign };
    } catch (error) {
      error.message += `\n${this.#log.slice(-60).join("\n")}`;
      throw error;
    } finally {
      const stores = [...this.#agents.map(({ store }) => store), this.#reader, this.#looker];
      await Promise.all(stores.map((store) => store?.close().catch(() => {})));
      this.#place.remove();
    }
  }

  async #open(agent) {
    agent.store = new this.#Store();
    await agent.store.open(this.#place.folder, { ...manual, agentId: agent.name });
  }

  async #read() {
    const reader = new this.#Store();
    await reader.open(this.#place.folder, { readOnly: true });
    return reader;
  }

  async #step() {
    const random = this.#random;
    const agent = random.pick(this.#agents);
    const step = random.below(12);
    if (step < 5) await this.#write(agent);
    else if (step === 5) this.#append(agent);
    else if (step === 6) await this.#hear(agent);
    else if (step === 7 && random.chance(0.4)) await this.#compact(agent);
    else if (step === 8) agent.store.getOps();
    else if (step === 9) await this.#undo(agent);
    else if (step === 10) await this.#reopen(agent);
    else if (step === 11) this.#tell(this.#heard, await this.#reader.tail());
  }

  /** Up to three changes that are not awaited one by one, and the other process in between. */
  async #write(agent) {
    const random = this.#random;
    const changes = [];
    for (let n = 1 + random.below(3); n > 0; n--) {
      if (random.chance(0.25)) this.#append(random.pick(this.#agents));
      if (random.chance(0.1)) this.#appendPart(agent);
      if (random.chance(0.1)) this.#appendRest();
      changes.push(random.chance(0.2) ? this.#several(agent) : agent.store.set(this.#next(agent), { n }));
    }
    if (random.chance(0.2)) this.#append(agent);
    if (random.chance(0.15)) this.#appendPart(random.pick(this.#agents));
    await Promise.all(changes);
  }

  #several(agent) {
    const ids = Array.from({ length: 2 + this.#random.below(3) }, () => this.#next(agent));
    if (this.#random.chance(0.4))
      return agent.store.transaction((tx) => ids.forEach((id) => void tx.set(id, { n: 0 })));
    return agent.store.batch(() => ids.forEach((id) => void agent.store.set(id, { n: 0 })));
  }

  #next({ name }) {
    const id = `${name}-${this.#numbers++}`;
    this.#written.push({ id, by: name, log: name, isUndone: false });
    this.#log.push(`write ${id}`);
    return id;
  }

  async #compact(agent) {
    this.#log.push(`compact ${agent.name}`);
    await agent.store.compact();
  }

  /** An undo takes back one operation at most, and one of the agent's log. */
  async #undo(agent) {
    for (const each of this.#agents) await this.#hear(each);
    this.#require(await this.#missing(), [], "lost");
    const isDone = await agent.store.undo();
    const missing = await this.#missing();
    this.#log.push(`undo ${agent.name} ${isDone}: ${missing.map(({ id }) => id).join()}`);
    if (missing.length > (isDone ? 1 : 0)) throw new Error(`undo() took ${missing.length} operations back`);
    for (const operation of missing) {
      if (operation.log !== agent.name) throw new Error(`undo() of ${agent.name} took ${operation.id} back`);
      operation.isUndone = true;
    }
  }

  async #reopen(agent) {
    this.#log.push(`reopen ${agent.name}`);
    // What it has not been told by then it is not told any more.
    if (this.#random.chance(0.5)) agent.isDeaf = true;
    else await this.#hear(agent);
    await agent.store.close();
    await this.#open(agent);
  }

  async #hear(agent) {
    this.#tell(agent.heard, await agent.store.tail());
  }

  #tell(heard, operations) {
    for (const { id } of operations) heard.set(id, (heard.get(id) ?? 0) + 1);
  }

  /** The records that are to be there, and are not. */
  async #missing() {
    await this.#looker.refresh();
    return this.#written.filter(({ id, isUndone }) => !isUndone && !this.#looker.has(id));
  }

  #logOf({ name }) {
    const text = readFileSync(join(this.#place.folder, "manifest.json"), "utf8");
    return join(this.#place.folder, JSON.parse(text).activeAgentOps[name]);
  }

  /** The other process appends a line to an agent's log; behind a part of a line it begins a new one. */
  #append(agent) {
    const random = this.#random;
    const id = `other-${this.#numbers++}`;
    this.#clock += 1 + random.below(5);
    // Two programs of one name give the same numbers.
    const [name, clock] = [random.chance(0.5) ? "other" : agent.name, this.#clock];
    const path = this.#logOf(agent);
    const text = line(id, name, random.chance(0.5) ? clock : 1 + random.below(50));
    appendFileSync(path, endsInPart(path) ? `\n${text}` : text);
    this.#written.push({ id, by: "other", log: agent.name, isUndone: false });
    this.#log.push(`other process: ${id} in the log of ${agent.name}`);
  }

  /** It is cut off in the middle of a line, which it may end later. */
  #appendPart(agent) {
    if (!this.#takesParts) return;
    this.#clock += 3;
    const [path, text] = [this.#logOf(agent), line(`part-${this.#numbers++}`, "other", this.#clock)];
    const at = 1 + this.#random.below(text.length - 2);
    appendFileSync(path, text.slice(0, at));
    if (this.#random.chance(0.6)) this.#rests.push([path, text.slice(at)]);
    this.#log.push(`other process: a part of a line in the log of ${agent.name}`);
  }

  #appendRest() {
    const [path, text] = this.#rests.shift() ?? [];
    if (path === undefined) return;
    appendFileSync(path, text);
    this.#log.push("other process: the rest of a line");
  }

  async #end() {
    // An agent may write again what part of a line has swallowed, and that is to be told as well.
    for (const agent of [...this.#agents, ...this.#agents]) await this.#hear(agent);
    this.#tell(this.#heard, await this.#reader.tail());
    for (const { name, store } of this.#agents) this.#compare(name, store);
    this.#compare("the reader", this.#reader);
    this.#checkHeard();
    for (const { store } of this.#agents) await store.close();
    const reader = await this.#read();
    this.#compare("a new reader", reader);
    await this.#checkHistory(reader);
    await reader.close();
    const [agent] = this.#agents;
    await this.#open(agent);
    this.#compare("a new agent", agent.store);
    await agent.store.compact();
    this.#compare("an agent behind compact()", agent.store);
  }

  /** What counts is in the history once. */
  async #checkHistory(reader) {
    const given = new Map();
    for await (const change of reader.changes()) this.#tell(given, [change]);
    for (const { id, isUndone } of this.#written) {
      const times = given.get(id) ?? 0;
      if (!isUndone && times !== 1) throw new Error(`changes() gave ${id} ${times} times`);
    }
  }

  #compare(who, store) {
    const shown = store.entries().map(([id]) => id);
    const expected = this.#written.filter(({ isUndone }) => !isUndone).map(({ id }) => id);
    // Parts of lines may have become lines.
    this.#require(
      shown.filter((id) => !id.startsWith("part-")),
      expected,
      who,
    );
  }

  #require(shown, expected, who) {
    const [one, other] = [new Set(shown), new Set(expected)];
    const more = shown.filter((id) => !other.has(id));
    const missing = expected.filter((id) => !one.has(id));
    if (more.length + missing.length > 0)
      throw new Error(`${who}: ${missing.join()} missing, ${JSON.stringify(more)} too much`);
  }

  /** What counts in the end was told once to all others; of what was undone it depends on when they looked. */
  #checkHeard() {
    for (const { id, by, log, isUndone } of this.#written) {
      const hearers = [{ name: "the reader", heard: this.#heard }, ...this.#agents];
      for (const { name, heard, isDeaf } of hearers) {
        const times = heard.get(id) ?? 0;
        if (by === name && times > 0) throw new Error(`${name} was told its own ${id}`);
        const isDue = by !== name && !isUndone && !isDeaf && !(by === "other" && log === name);
        if (times > 1 || (isDue && times === 0)) throw new Error(`${name} was told ${id} ${times} times`);
      }
    }
  }
}

function line(id, agent, clock) {
  const ts = "2026-01-01T00:00:00.000Z";
  return `${JSON.stringify({ ts, op: "set", id, prev: null, data: { n: 1 }, agent, clock })}\n`;
}

function endsInPart(path) {
  try {
    const bytes = readFileSync(path);
    return bytes.length > 0 && bytes.at(-1) !== NEWLINE;
  } catch (error) {
    if (error.code === "ENOENT") return false;
    throw error;
  }
}
