/** How often each command followed each other one, awaited and floating (`~`: not awaited). */
import { commands } from "./commands/index.mjs";

const canFloat = new Set([
  "set",
  "delete",
  "batch",
  "undo",
  "compact",
  "archive",
  "flush",
  "sync",
  "tail",
  "refresh",
]);

export const labels = commands.flatMap(({ name }) => (canFloat.has(name) ? [name, `${name}~`] : [name]));

export const labelOf = ({ command, floating }) => (floating ? `${command}~` : command);

export class TransitionMatrix {
  #counts = new Map();
  total = 0;

  count(from, to) {
    const key = `${from}\n${to}`;
    this.#counts.set(key, this.of(from, to) + 1);
    this.total += 1;
  }

  of(from, to) {
    return this.#counts.get(`${from}\n${to}`) ?? 0;
  }

  /** Pairs that never came up. Every pair makes sense: a command that is impossible is not counted. */
  missing() {
    return labels.flatMap((from) =>
      labels.filter((to) => this.of(from, to) === 0).map((to) => `${from} -> ${to}`),
    );
  }

  rarest() {
    return Math.min(...labels.flatMap((from) => labels.map((to) => this.of(from, to))));
  }

  /** A table: rows are what came first, columns what followed, by number. */
  toString() {
    const width = Math.max(...labels.map((label) => label.length)) + 4;
    const cells = (values) => values.map((value) => String(value).padStart(6)).join("");
    const head = "first \\ next".padEnd(width) + cells(labels.map((_, n) => n + 1));
    const rows = labels.map((from, n) => {
      const name = `${String(n + 1).padStart(2)} ${from}`.padEnd(width);
      return name + cells(labels.map((to) => this.of(from, to)));
    });
    return [head, ...rows].join("\n");
  }
}
