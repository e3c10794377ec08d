/**
 * A run's two sides and what is known about them. Commands act through it:
 *   mutate()   the same call on both sides, awaited or not
 *   read()     a synchronous look; with plain calls unfinished, ours must show them already
 *   ask()      an asynchronous look, everything settled before
 *   check()    equal, or allowed by an entry of differences.mjs, or the run fails
 */
import { join } from "node:path";
import { Divergence, comparable, same } from "./compare.mjs";
import { allowedDifference } from "./differences.mjs";
import { OriginalSide } from "./side.mjs";
import { valueOf } from "./values.mjs";

function changed({ fields = [] }, { drop, add }) {
  const kept = fields.filter((_, n) => (drop & (1 << n)) === 0);
  return { fields: [...new Map([...kept, ...add])] };
}

/** Calls that take effect when they are made, unless one of another kind is unfinished. */
const plain = new Set(["set", "delete"]);
/** Calls that append to the log. */
const logging = new Set(["set", "delete", "batch"]);

export class World {
  /** The folder's schema version. */
  version = 1;
  /** The log holds lines that a skipLoad session wrote without knowing the previous values. */
  blindLines = false;
  /** An automatic checkpoint may still be under way on ours. */
  publishing = false;
  /** The last checkpoint was an automatic one. */
  publishedLate = false;
  unfinished = [];
  /** Stores that a crash left behind: closed when the run is over. */
  abandoned = [];
  #folders = 0;
  #lastValues = new Map();
  #checkpoints = 0;

  constructor({ makeExpected, makeActual, header, root, clock, allowed, facts }) {
    this.facts = facts;
    this.header = header;
    this.root = root;
    this.clock = clock;
    this.allowed = allowed;
    this.expected = makeExpected(this.newFolder("expected"), header);
    this.actual = makeActual(this.newFolder("actual"), header);
    this.sides = [this.expected, this.actual];
  }

  /** Counts that something happened which a run must have seen, see facts.mjs. */
  note(fact, happened = true) {
    if (happened) this.facts.note(fact);
  }

  newFolder(name) {
    this.#folders += 1;
    return join(this.root, `${this.#folders}-${name}`);
  }

  /** Is there a 0.8.1 to compare with, so that folders can be swapped? */
  get hasOriginal() {
    return this.expected instanceof OriginalSide;
  }

  get skipLoad() {
    return this.expected.session.skipLoad;
  }

  /** The clock stands while a call is unfinished, see clock.mjs. */
  beginStep() {
    if (this.unfinished.length === 0) this.clock.tick();
  }

  /**
   * Describes what to set. `same` means what was last set under this id, `changed` that with some fields
   * dropped and some replaced or added: without those, hardly an update would be worth a delta.
   */
  descriptionOf(id, description) {
    const last = this.#lastValues.get(id) ?? { fields: [["n", 1]] };
    const chosen = description.same
      ? last
      : description.changed
        ? changed(last, description.changed)
        : description;
    this.#lastValues.set(id, chosen);
    return chosen;
  }

  makeValue(description) {
    return valueOf(description, this.header);
  }

  /** Makes the call on both sides. Returns nothing when it is not awaited, so that the next follows at once. */
  mutate(name, floating, call) {
    if (this.skipLoad && logging.has(name)) this.blindLines = true;
    this.unfinished.push(name);
    this.note(
      "a call beside an unfinished one of another kind",
      !this.unfinished.every((one) => one === name),
    );
    for (const side of [this.actual, this.expected]) side.issue(name, call);
    return floating ? undefined : this.settle();
  }

  /** Awaits every call so far on both sides and compares what became of each. */
  async settle() {
    const [expected, actual] = await Promise.all(this.sides.map((side) => side.settle()));
    const names = this.unfinished;
    this.unfinished = [];
    expected.forEach((outcome, n) =>
      this.check("outcome", outcome, actual[n], `what became of ${names[n]}()`),
    );
    this.#noteCheckpoints(expected);
    this.facts.noteOutcomes(expected, this.expected.session);
  }

  #noteCheckpoints(outcomes) {
    const { checkpoints } = this.expected;
    const last = outcomes.at(-1);
    const asked =
      last?.how === "resolved" && (last.name === "compact" || (last.name === "archive" && last.value > 0));
    if (asked) this.checkpointPublished();
    else if (checkpoints !== this.#checkpoints) {
      this.note("an automatic checkpoint");
      this.publishing = true;
      this.publishedLate = true;
      this.blindLines = false;
    }
    this.#checkpoints = checkpoints;
  }

  /** What is on disk is known again: after an awaited checkpoint. */
  checkpointPublished() {
    this.publishing = false;
    this.publishedLate = false;
    this.blindLines = false;
    this.#checkpoints = this.expected.checkpoints;
  }

  /** After open(): nothing is under way, but the last checkpoint's time may be ours alone. */
  opened() {
    this.publishing = false;
    this.#checkpoints = this.expected.checkpoints;
  }

  /** Settled, and in group and async mode what is buffered is on disk. Immediate mode must not need it. */
  async flush() {
    await this.settle();
    if (this.expected.session.mode === "immediate") return;
    await Promise.all(this.sides.map((side) => side.store.flush()));
  }

  /**
   * A synchronous look at both. Plain calls that are unfinished must show on ours at once. Behind other
   * calls they take effect later, so everything is settled before.
   */
  async read(topic, look) {
    if (!this.unfinished.every((name) => plain.has(name))) await this.settle();
    if (this.actual instanceof OriginalSide) await this.actual.catchUp();
    if (this.unfinished.length === 0)
      return this.check(topic, this.#look(look, this.expected), this.#look(look, this.actual));
    this.note(`${topic} while calls are unfinished`);
    const actual = this.#look(look, this.actual);
    await this.expected.catchUp();
    this.check(topic, this.#look(look, this.expected), actual, `${topic}, while calls are unfinished`);
  }

  #look(look, side) {
    let outcome;
    try {
      outcome = { value: look(side) };
    } catch (error) {
      outcome = comparable({ how: "threw", error }, side);
    }
    return outcome;
  }

  /** An asynchronous look at both, with nothing unfinished. Returns what the expected side answered. */
  async ask(topic, look) {
    await this.settle();
    const [expected, actual] = await Promise.all(this.sides.map((side) => side.outcome(look)));
    this.check(topic, expected, actual);
    return expected.value;
  }

  check(topic, expected, actual, what = topic) {
    if (same(expected, actual)) return;
    const allowed = allowedDifference(topic, this);
    if (!allowed) throw new Divergence(what, expected, actual, [this.expected.name, this.actual.name]);
    this.allowed.set(allowed.name, (this.allowed.get(allowed.name) ?? 0) + 1);
  }
}
