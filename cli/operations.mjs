/** Operations as lines of a table. */
import { allOperations } from "./earlier.mjs";
import { Table, count, paint, printable, shown } from "./style.mjs";

/** The option of commands that list operations. */
export const allOption = {
  all: { type: "boolean", help: "also those before the last checkpoint, from the logs that are still there" },
};

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

  print(operation) {
    if (this.#json) this.#output.json(operation);
    else this.#table.row(...this.#cells(operation));
  }

  /** What people must know of the list: how many there are, and which are not there. */
  note(printed, store, { all = false }) {
    if (this.#json) return;
    this.flush();
    const { lastCheckpoint } = store.getManifest().stats;
    const since = all
      ? ""
      : ` since the checkpoint of ${printable(lastCheckpoint)}; --all shows earlier ones`;
    this.#output.line(paint("dim", `${count(printed, "operation")}${since}`));
  }

  /** Everything is to be seen now. */
  flush() {
    this.#table.flush();
    this.#output.flush();
  }

  #cells({ ts, op, id, data, agent }) {
    const shownAgent = this.#withAgent ? [printable(agent ?? "")] : [];
    return [printable(ts), ...shownAgent, op, printable(id), op === "delete" ? "-" : shown(data)];
  }
}

/** The operations that a command is about, at least those on the record `id`, and whether they say who made them. */
export async function operationsOf(folder, store, { all = false, id }) {
  if (all) return allOperations(folder, store);
  const operations = id === undefined ? store.getOps() : store.getHistory(id);
  return { operations, withAgent: operations.some(({ agent }) => agent !== undefined) };
}
