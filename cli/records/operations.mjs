/** Operations as lines of a table. */
import { count } from "../terminal/numbers.mjs";
import { printable, shown } from "../terminal/printable.mjs";
import { sentence } from "../terminal/sentences.mjs";
import { Table } from "../terminal/table.mjs";
import { differences } from "./differences.mjs";

/** Prints operations, as JSON or for people. */
export class OperationList {
  #output;
  #table;
  #json;
  #withAgent;
  #withDifferences;
  #printed = 0;

  constructor(output, { json = false, withAgent = false, withDifferences = false }) {
    this.#output = output;
    this.#json = json;
    this.#withAgent = withAgent;
    this.#withDifferences = withDifferences;
    const last = withDifferences ? "change" : "data";
    const headings = ["time", ...(withAgent ? ["agent"] : []), "op", "id", last];
    this.#table = new Table(output, headings, { wraps: withDifferences });
  }

  print(operation) {
    this.#printed++;
    if (this.#json) this.#output.json(operation);
    else this.#table.row(...this.#cells(operation));
  }

  /** How many there were, for people, and what else there is to know about that. */
  note(remark = "") {
    if (this.#json) return;
    this.flush();
    this.#output.lines(sentence(`${count(this.#printed, "operation")}${remark}`, { colour: "dim" }));
  }

  /** Everything is to be seen now. */
  flush() {
    this.#table.flush();
    this.#output.flush();
  }

  #cells(operation) {
    const { ts, op, id, agent } = operation;
    const shownAgent = this.#withAgent ? [printable(agent ?? "")] : [];
    return [printable(ts), ...shownAgent, op, printable(id), this.#change(operation)];
  }

  #change({ op, data, prev }) {
    if (op === "delete") return "-";
    if (!this.#withDifferences || prev === null) return shown(data);
    const lines = differences(prev, data).map(printable);
    return lines.length === 0 ? "(the same)" : lines;
  }
}

/** A change of the history as an operation. */
export function operationOf({ ts, type, id, value, before, agent, clock }) {
  return {
    ts,
    op: type,
    id,
    prev: before,
    ...(type === "set" && { data: value }),
    ...(agent !== undefined && { agent, clock }),
  };
}

/** Whether operations of the folder say who made them. */
export async function hasAgents(store) {
  for await (const { agent } of store.changes({ reverse: true, limit: 1 }))
    if (agent !== undefined) return true;
  for await (const { agent } of store.changes({ limit: 1 })) if (agent !== undefined) return true;
  return false;
}

/** Operations of the history that are wanted. `agent` is no option of `changes()`. */
export async function* operations(store, { agent, limit = Infinity, ...wanted }) {
  let left = limit;
  if (left === 0) return;
  for await (const change of store.changes(wanted)) {
    if (change.type === "undone" || (agent !== undefined && change.agent !== agent)) continue;
    yield { position: change.position, operation: operationOf(change) };
    if (--left <= 0) return;
  }
}

/** The last operations, the oldest first, and whether there are more before them. */
export async function lastOperations(store, wanted, number) {
  const found = [];
  for await (const each of operations(store, { ...wanted, reverse: true, limit: number + 1 }))
    found.push(each);
  return { last: found.slice(0, number).reverse(), hasMore: found.length > number };
}
