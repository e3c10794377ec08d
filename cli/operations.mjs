/** Operations as lines of a table. */
import { differences } from "./differences.mjs";
import { Table, count, paint, printable, shown } from "./style.mjs";

/** Prints operations, as JSON or for people. */
export class OperationList {
  #output;
  #table;
  #json;
  #withAgent;
  #withDifferences;

  constructor(output, { json = false, withAgent = false, withDifferences = false }) {
    this.#output = output;
    this.#json = json;
    this.#withAgent = withAgent;
    this.#withDifferences = withDifferences;
    const last = withDifferences ? "change" : "data";
    const headings = ["time", ...(withAgent ? ["agent"] : []), "op", "id", last];
    this.#table = new Table(output, headings);
  }

  print(operation) {
    if (this.#json) this.#output.json(operation);
    else this.#table.row(...this.#cells(operation));
  }

  /** How many there were, for people. */
  note(printed) {
    if (this.#json) return;
    this.flush();
    this.#output.line(paint("dim", count(printed, "operation")));
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
    return differences(prev, data).map(printable).join("  ") || "(the same)";
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
