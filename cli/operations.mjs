/** Operations as lines of a table. */
import { Table, paint, printable, shown } from "./style.mjs";

/** Prints operations, as JSON or for people. */
export class OperationList {
  #output;
  #table;
  #json;
  #withAgent;

  constructor(output, { json = false, withAgent = false }) {
    this.#output = output;
    this.#json = json;
    this.#withAgent = withAgent;
    const headings = ["time", ...(withAgent ? ["agent"] : []), "op", "id", "data"];
    this.#table = new Table(output, headings);
  }

  print(operations) {
    for (const operation of operations) {
      if (this.#json) this.#output.json(operation);
      else this.#table.row(...this.#cells(operation));
    }
  }

  /** Everything is to be seen now. */
  flush() {
    this.#table.flush();
    this.#output.flush();
  }

  #cells({ ts, op, id, data, agent }) {
    const shownAgent = this.#withAgent ? [printable(agent ?? "")] : [];
    return [
      printable(ts),
      ...shownAgent,
      op,
      printable(id),
      op === "delete" ? paint("dim", "-") : shown(data),
    ];
  }
}

/** Whether operations say who made them. */
export function haveAgents(operations) {
  return operations.some(({ agent }) => agent !== undefined);
}
