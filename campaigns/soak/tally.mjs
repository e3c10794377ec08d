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
  /** When the second agent had started. */
  #twoSince = Infinity;

  acknowledged(index, count, started, ended) {
    this.acknowledgedCount += count;
    let overlaps = false;
    for (const [other, end] of this.#lastEnds) overlaps ||= other !== index && end >= started;
    if (overlaps) this.overlapping += count;
    this.#lastEnds.set(index, Math.max(ended, this.#lastEnds.get(index) ?? 0));
    const second = Math.floor(ended / 1e6);
    if (!this.#seconds.has(second)) this.#seconds.set(second, new Set());
    this.#seconds.get(second).add(index);
    if (this.#lastEnds.size >= 2) this.#twoSince = Math.min(this.#twoSince, ended);
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

  /** The whole seconds of work, and those in which at least two agents got acknowledgements. */
  overlap() {
    let seconds = 0;
    let shared = 0;
    for (const [start, to] of this.#working) {
      const from = Math.max(start, this.#twoSince);
      for (let second = Math.ceil(from / 1e6) + 1; second < Math.floor(to / 1e6); second++) {
        seconds++;
        if ((this.#seconds.get(second)?.size ?? 0) >= 2) shared++;
      }
    }
    return { seconds, shared };
  }
}
