/** How things look to people: colours on a terminal, tables, numbers. */

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

function wantsColour({ env, stdout }) {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR && env.FORCE_COLOR !== "0") return true;
  return stdout.isTTY === true && env.TERM !== "dumb";
}

const isColoured = wantsColour(process);

/** Text in a colour, if the terminal has any. */
export function paint(colour, text) {
  return isColoured ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

/** How wide a line may be; as long as it likes if no terminal shows it. */
export const width = process.stdout.isTTY ? (process.stdout.columns ?? 80) : Infinity;

// What a terminal could take for a command, and what hides or reorders what stands beside it; what joins letters and
// emoji is left.
const UNPRINTABLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

function escaped(character) {
  const code = character.codePointAt(0).toString(16);
  return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\u{${code}}`;
}

/** Text from a store, safe to show. */
export function printable(text) {
  return text.replaceAll(UNPRINTABLE, escaped);
}

/** A value on one line. */
export function shown(value) {
  return value === undefined ? "(no value)" : printable(JSON.stringify(value));
}

/** Text that is cut to a length. */
export function clip(text, length) {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}

export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) {
    number /= 1000;
    unit++;
  }
  return `${unit === 0 ? number : number.toFixed(number < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Lines with names and values side by side. */
export function pairs(rows) {
  const widest = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${paint("dim", name.padEnd(widest))}  ${value}`);
}

/** So many rows are looked at before it is decided how wide columns are. */
const SAMPLE = 200;

/** A table whose rows come one by one: the first of them say how wide its columns are. The last column has the rest. */
export class Table {
  #output;
  #headings;
  #widest;
  #widths = null;
  #sample = [];

  constructor(output, headings, { widest = 40 } = {}) {
    this.#output = output;
    this.#headings = headings;
    this.#widest = widest;
  }

  row(...cells) {
    if (this.#widths !== null) {
      this.#print(cells);
      return;
    }
    this.#sample.push(cells);
    if (this.#sample.length >= SAMPLE) this.flush();
  }

  /** Prints what was held back. Without a row nothing is printed, the headings neither. */
  flush() {
    if (this.#widths !== null || this.#sample.length === 0) return;
    const columns = this.#headings.map((heading, at) => [heading, ...this.#sample.map((cells) => cells[at])]);
    this.#widths = columns.map((cells) =>
      Math.min(this.#widest, Math.max(...cells.map(({ length }) => length))),
    );
    this.#print(this.#headings, (text) => paint("bold", text));
    for (const cells of this.#sample.splice(0)) this.#print(cells);
  }

  #print(cells, style = (text) => text) {
    const last = cells.length - 1;
    let left = width;
    const parts = cells.map((cell, at) => {
      if (at === last) return style(clip(cell, left));
      const padded = cell.padEnd(this.#widths[at]);
      left -= padded.length + 2;
      return style(padded);
    });
    this.#output.line(parts.join("  ").trimEnd());
  }
}
