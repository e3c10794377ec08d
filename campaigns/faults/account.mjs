/**
 * What one writer called in a run and what became of it, and so what its store may hold. A call is firm (it must
 * have taken effect), soft (it may have, with all soft ones before it), or void (it must not have).
 */
import { Expected } from "../soak-kill/expected.mjs";

class State {
  constructor({ expected, archived = [] } = {}) {
    this.expected = new Expected(expected);
    this.archived = new Map(archived);
  }

  copy() {
    return new State({ expected: this.expected.toJSON(), archived: this.archived });
  }

  /** Carries out a call. Returns the changes that it made. */
  apply({ operations, archive }) {
    if (archive !== undefined) return this.#archive(archive);
    const made = operations.filter((operation) => {
      if (operation.n === null && !this.expected.has(operation.id)) return false;
      this.expected.apply(operation);
      return true;
    });
    return made;
  }

  isMetBy({ records, archives }, ordered, knowsArchives = true) {
    if (!this.expected.isMetBy(records, undefined, ordered)) return false;
    if (!knowsArchives) return true;
    if (archives.length !== this.archived.size) return false;
    return archives.every(([period, id, n]) => this.archived.get(`${period} ${id}`) === n);
  }

  #archive({ ids, period }) {
    const moved = ids.filter((id) => this.expected.has(id));
    for (const id of new Set(moved)) {
      this.archived.set(`${period} ${id}`, this.expected.numberOf(id));
      this.expected.drop(id);
    }
    // The checkpoint behind it leaves nothing to undo.
    if (moved.length > 0) this.expected.forgetAllBut(0);
    return [];
  }
}

export class Account {
  #isBuffered;
  #isAgent;
  #known = new State();
  /** Since the store was last seen after an open: calls with their operations and what they are. */
  #calls = [];
  /** An undo() brought a record back, at the end or in its old place. */
  #isOrdered = true;

  constructor(isBuffered, isAgent) {
    this.#isBuffered = isBuffered;
    this.#isAgent = isAgent;
  }

  /** A call is made. Returns what its outcome is told with. */
  call(operations, archive) {
    if (operations.some(({ id }) => id === undefined)) this.#isOrdered = false;
    const call = { operations, archive, is: "soft", resolved: false };
    this.#calls.push(call);
    return call;
  }

  resolved(call, took = true) {
    call.resolved = took;
    call.is = took ? (this.#isBuffered ? "soft" : "firm") : "void";
  }

  /** It says that it did not take effect, or, with `unsure`, that this is not known. */
  refused(call, unsure) {
    call.is = unsure ? "unsure" : "void";
    call.resolved = unsure;
  }

  /** All that resolved is in the file now. */
  flushed() {
    for (const call of this.#calls) if (call.resolved && call.is === "soft") call.is = "firm";
  }

  /** Whether a record would be there if all that resolved took effect. */
  has(id) {
    const state = this.#known.copy();
    for (const call of this.#calls) if (call.resolved) state.apply(call);
    return state.expected.has(id);
  }

  /** How many calls there were since the last open; for `changesSince`. */
  get length() {
    return this.#calls.length;
  }

  /** The changes of the calls that resolved, from one of them on. */
  changesSince(from) {
    const state = this.#known.copy();
    const changes = [];
    for (const [place, call] of this.#calls.entries()) {
      const made = call.resolved ? state.apply(call) : [];
      if (place >= from) changes.push(...made);
    }
    return changes;
  }

  /** Whether a store that is open may look so. */
  allowsOpen(seen) {
    const isOpen = ({ is, archive }) => is === "unsure" && archive !== undefined;
    // An agent reads the manifest, whose fate is unknown then; any other store shows nothing of such an archive.
    const knowsArchives = !(this.#isAgent && this.#calls.some(isOpen));
    const states = this.#states((call) => {
      if (isOpen(call) && !this.#isAgent) return "void";
      return call.resolved && call.is === "soft" ? "firm" : call.is;
    });
    return states.some((state) => state.isMetBy(seen, this.#isOrdered, knowsArchives));
  }

  /** Whether a store that was opened anew may look so; from then on that is what it must hold. */
  allowsAfterOpen(seen) {
    const state = this.#states((call) => call.is).find((candidate) =>
      candidate.isMetBy(seen, this.#isOrdered),
    );
    if (state === undefined) return false;
    this.#known = state;
    this.#calls = [];
    return true;
  }

  /** Takes over what a store holds although it must not, so that one failure is not counted again and again. */
  takeOver({ records, archives }) {
    const expected = new Expected();
    for (const [id, n] of records) expected.apply({ id, n });
    this.#known = new State({
      expected: expected.toJSON(),
      archived: archives.map(([period, id, n]) => [`${period} ${id}`, n]),
    });
    this.#calls = [];
  }

  /** The kind of failure that a store shows which holds what it must not. */
  whatIsWrong({ records }) {
    const numbers = new Set(records.map(([, n]) => n));
    if (records.some(([, n]) => typeof n !== "number")) return "a record is damaged";
    const isThere = ({ n }) => n !== undefined && n !== null && numbers.has(n);
    const calls = this.#calls;
    if (calls.some(({ is, operations }) => is === "void" && operations.some(isThere)))
      return "what was refused is there";
    const cut = calls.some(({ is, operations }) => is === "soft" && operations.some(isThere));
    return cut && calls.some(({ is, operations }) => is === "soft" && !operations.every(isThere))
      ? "a part of a batch, or no legal state"
      : "an acknowledged operation is lost";
  }

  /** What must be there, in words. */
  describe() {
    const calls = this.#calls.map(({ is, operations, archive }) => [is, archive ?? operations]);
    return JSON.stringify({ known: this.#known.expected.entries(), calls });
  }

  /** The states that there may be: those with the most calls first. */
  #states(classify) {
    const classes = this.#calls.map(classify).map((is) => (is === "unsure" ? "soft" : is));
    const soft = classes.filter((is) => is === "soft").length;
    return Array.from({ length: soft + 1 }, (_, without) => {
      const state = this.#known.copy();
      let rest = soft - without;
      this.#calls.forEach((call, place) => {
        if (classes[place] === "firm" || (classes[place] === "soft" && rest-- > 0)) state.apply(call);
      });
      return state;
    });
  }
}
