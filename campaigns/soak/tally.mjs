/** What a soak counts: operations, calls, errors by code, and everything that must not be. */

/** Errors that a caller has to expect: another agent compacts, or has deleted the record. */
const expected = new Set(["compact OPSLOG_LOCKED", "archive OPSLOG_LOCKED", "delete OPSLOG_NOT_FOUND"]);
const DETAILS = 8;

export class Tally {
  acknowledgedCount = 0;
  undoneCount = 0;
  kills = 0;
  /** Operations that followers had to be told of, and how often the folder changed hands. */
  tellable = 0;
  interludes = 0;
  calls = {};
  errors = {};
  unexpectedErrors = 0;
  /** Calls of programs that were older than the store. */
  refused = 0;
  /** What must not be, by kind, with the first few of each. */
  violations = {};
  snapshots = new Set();
  /** Operations that began while one of another agent was under way. */
  overlapping = 0;
  #lastEnds = new Map();
  #seconds = new Map();
  #working = [];
  /** For each agent, from when to when a process of it was ready to work. */
  #presences = new Map();
  /** How long processes took to start, in microseconds. */
  #starts = [];

  acknowledged(index, count, started, ended) {
    this.acknowledgedCount += count;
    let overlaps = false;
    for (const [other, end] of this.#lastEnds) overlaps ||= other !== index && end >= started;
    if (overlaps) this.overlapping += count;
    this.#lastEnds.set(index, Math.max(ended, this.#lastEnds.get(index) ?? 0));
    const second = Math.floor(ended / 1e6);
    if (!this.#seconds.has(second)) this.#seconds.set(second, new Set());
    this.#seconds.get(second).add(index);
  }

  called(name) {
    this.calls[name] = (this.calls[name] ?? 0) + 1;
  }

  undone(happened) {
    if (happened) this.undoneCount++;
  }

  failed(name, code, message) {
    const key = `${name} ${code}`;
    this.errors[key] ??= { count: 0, message };
    this.errors[key].count++;
    if (code === "OPSLOG_NEWER_VERSION") this.refused++;
    else if (!expected.has(key)) this.unexpectedErrors++;
  }

  printed(name, text) {
    // 0.8.1 says on the console what it skips; that is no failure of a call.
    this.failed(
      "console",
      text.split("\n")[0].replace(/\d+/g, "N").slice(0, 100),
      `${name}: ${text.slice(0, 500)}`,
    );
  }

  note(kind, detail, count = 1) {
    this.violations[kind] ??= { count: 0, first: [] };
    this.violations[kind].count += count;
    if (this.violations[kind].first.length < DETAILS) this.violations[kind].first.push(detail);
  }

  /** Agents were at work between these times, in microseconds. */
  worked(from, to) {
    this.#working.push([from, to]);
  }

  /** A process of an agent is ready to work, at a time in microseconds; it was started at another. */
  arrived(index, started, from) {
    this.#starts.push(from - started);
    if (!this.#presences.has(index)) this.#presences.set(index, []);
    this.#presences.get(index).push([from, Infinity]);
  }

  /** It has ended, or will be killed. */
  left(index, to) {
    const last = this.#presences.get(index)?.at(-1);
    if (last?.[1] === Infinity) last[1] = to;
  }

  /**
   * The whole seconds of work in which two agents were there from beginning to end, and those of them in which two got
   * acknowledgements. Also the seconds in which fewer were there: how long a process takes to start says nothing of the store.
   * Where it takes longer than a second, the machine is slow, and two have that long to get on.
   */
  overlap() {
    let [seconds, shared, waited] = [0, 0, 0];
    const patience = this.#startSeconds();
    for (const [from, to] of this.#working) {
      for (let second = Math.ceil(from / 1e6) + 1; second < Math.floor(to / 1e6); second++) {
        if (this.#presentAll(second) < 2) {
          waited++;
          continue;
        }
        seconds++;
        if (this.#acknowledgedAround(second, patience) >= 2) shared++;
      }
    }
    return { seconds, shared, waited, patience };
  }

  /** The whole seconds that a process takes to start, one at least. */
  #startSeconds() {
    const sorted = this.#starts.toSorted((one, other) => one - other);
    return Math.max(1, Math.ceil((sorted[sorted.length >> 1] ?? 0) / 1e6));
  }

  /** How many agents got acknowledgements less than `patience` seconds before or after a second, or in it. */
  #acknowledgedAround(second, patience) {
    const agents = new Set();
    for (let each = second - patience + 1; each < second + patience; each++)
      for (const agent of this.#seconds.get(each) ?? []) agents.add(agent);
    return agents.size;
  }

  /** How many agents were there all through a second. */
  #presentAll(second) {
    const isThere = ([from, to]) => from <= second * 1e6 && (second + 1) * 1e6 <= to;
    return [...this.#presences.values()].filter((presences) => presences.some(isThere)).length;
  }
}
