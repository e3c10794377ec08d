/** Records that a command shows, as rows of a table or as JSON. */
import { fieldOf } from "../arguments/conditions.mjs";
import { count, grouped } from "../terminal/numbers.mjs";
import { printable, shown } from "../terminal/printable.mjs";
import { sentence } from "../terminal/sentences.mjs";
import { Table } from "../terminal/table.mjs";

/**
 * Finds the records of a selection. Returns `{ records, matched }`: an iterator of `[id, data]`, and how many there are without
 * limit, where that is known without looking at all of them.
 */
export async function select(store, selection) {
  const { query, matches, hasQuery, hasFilter, sort, limit, skip } = selection;
  const isWalk = !hasQuery && sort === undefined;
  const ids = isWalk ? store.keys() : await store.findIds(query, { sort });
  const matched = hasFilter ? undefined : isWalk ? store.count() : ids.length;
  function* records() {
    let [passed, given] = [0, 0];
    for (const id of ids) {
      if (given >= limit) return;
      const data = hasFilter || passed >= skip ? store.get(id) : undefined;
      if (hasFilter && !matches(data)) continue;
      if (passed++ < skip) continue;
      given++;
      yield [id, data];
    }
  }
  return { records: records(), matched };
}

/** A record with some of its fields; a path with dots keeps its name. */
export function project(data, fields) {
  if (fields === undefined) return data;
  const entries = fields.map((name) => [name, fieldOf(data, name.split("."))]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

const cell = (value) =>
  value === undefined ? "" : typeof value === "string" ? printable(value) : shown(value);

/** Prints records, as JSON or for people. */
export class RecordList {
  #output;
  #table;
  #fields;
  #json;
  #printed = 0;

  constructor(output, { json = false, fields }) {
    this.#output = output;
    this.#fields = fields;
    this.#json = json;
    this.#table = new Table(output, ["id", ...(fields ?? ["record"]).map(printable)], {
      isEven: fields !== undefined,
      widest: fields === undefined ? 40 : 60,
    });
  }

  print(id, data) {
    this.#printed++;
    if (this.#json) this.#output.json({ id, data: project(data, this.#fields) });
    else if (this.#fields === undefined) this.#table.row(printable(id), shown(data));
    else this.#table.row(printable(id), ...this.#fields.map((name) => cell(fieldOf(data, name.split(".")))));
  }

  /** How many there were, of how many, for people; and what shows more, if a limit was set that the caller did not give. */
  note({ matched, total, isLimitGiven = true }) {
    if (this.#json) return;
    this.#table.flush();
    const shownNumber = grouped(this.#printed);
    const all = count(total, "record");
    const isCut = matched !== undefined && matched > this.#printed;
    const text =
      this.#printed === total
        ? all
        : isCut && matched < total
          ? `${shownNumber} of ${grouped(matched)} that match, of ${all}`
          : `${shownNumber} of ${all}`;
    const hint = isCut && !isLimitGiven ? '; "--limit all" shows all' : "";
    this.#output.lines(sentence(`${text}${hint}`, { colour: "dim" }));
  }
}
