/** Tables and lists of names and values. */
import { paint } from "./colours.mjs";
import { width } from "./size.mjs";
import { clip, pad, widthOf, wrap } from "./text-width.mjs";

/** Fewer columns for a value are too few. */
const VALUE = 20;

/**
 * Lines with names and values side by side. A value too wide for its line goes on below itself. Where the terminal has no room for both,
 * values stand below their names.
 */
export function pairs(rows) {
  const widest = Math.max(...rows.map(([name]) => widthOf(name)));
  const room = width - widest - 2;
  if (room < VALUE)
    return rows.flatMap(([name, value]) => [
      ...wrap(name, width).map((line) => paint("dim", line)),
      ...wrap(value, width - 2).map((line) => `  ${line}`),
    ]);
  return rows.flatMap(([name, value]) =>
    wrap(value, room).map((line, at) => `${paint("dim", pad(at === 0 ? name : "", widest))}  ${line}`),
  );
}

/** So many rows are looked at before it is decided how wide columns are. */
const SAMPLE = 200;
/** How much of a cell is measured: no column is wider than a part of it. */
const MEASURED = 200;
const GAP = "  ";
/** With fewer columns for it, the last cell of a row stands below the others. */
const NARROW = 24;
const INDENT = "    ";
const THINNEST = 4;

/** Takes from the widest columns until all of them have room, or are as thin as they may be. */
function fit(widths, room, thinnest) {
  const fitting = [...widths];
  let over = fitting.reduce((sum, each) => sum + each, 0) - room;
  for (; over > 0; over--) {
    const at = fitting.indexOf(Math.max(...fitting));
    if (fitting[at] <= thinnest) break;
    fitting[at]--;
  }
  return fitting;
}

/** The lines of one text; those behind the first stand a little to the right. */
function hanging(text, columns) {
  if (widthOf(text) <= columns) return [text];
  const [first] = wrap(text, columns);
  return [first, ...wrap(text.slice(first.length).trimStart(), columns - 2).map((line) => `  ${line}`)];
}

/**
 * A table whose rows come one by one: the first of them say how wide its columns are. The last column has the rest of the line: what
 * is wider is cut, or with `wraps` goes on in the next line. A cell of it may have several lines there. With `isEven` the last column is
 * one like the others.
 */
export class Table {
  #output;
  #headings;
  #widest;
  #wraps;
  #isEven;
  #widths = null;
  #sample = [];

  constructor(output, headings, { widest = 40, wraps = false, isEven = false } = {}) {
    this.#output = output;
    this.#headings = headings;
    this.#widest = widest;
    this.#wraps = wraps && width < Infinity;
    this.#isEven = isEven;
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
    const measured = columns.map((cells) =>
      Math.min(
        this.#widest,
        Math.max(...cells.map((cell) => widthOf([cell].flat().join(GAP).slice(0, MEASURED)))),
      ),
    );
    const sized = this.#isEven ? measured : measured.slice(0, -1);
    this.#widths = fit(sized, width - GAP.length * sized.length, this.#isEven ? 1 : THINNEST);
    this.#print(this.#headings, { isHeading: true });
    for (const cells of this.#sample.splice(0)) this.#print(cells);
  }

  /** The cells before the last: cut to their columns where the row has no room for them as they are. */
  #first(cells) {
    const first = cells.slice(0, -1).map((cell, at) => pad(cell, this.#widths[at]));
    if (width === Infinity) return first;
    const used = first.reduce((sum, cell) => sum + widthOf(cell) + GAP.length, 0);
    if (used <= width && !this.#isEven) return first;
    return first.map((cell, at) => pad(clip(cell, this.#widths[at]), this.#widths[at]));
  }

  #print(cells, { isHeading = false } = {}) {
    const style = (text) => (isHeading ? paint("bold", text) : text);
    const first = this.#first(cells);
    const used = first.reduce((sum, cell) => sum + widthOf(cell) + GAP.length, 0);
    const lines = [cells.at(-1)].flat();
    // A dash, for what has no value, stands beside the other cells all the same.
    const hasRoom = isHeading || (used < width && lines.every((line) => widthOf(line) <= 1));
    const isBelow = !this.#isEven && width - used < NARROW && !hasRoom;
    const left = Math.max(this.#isEven ? 1 : THINNEST, isBelow ? width - INDENT.length : width - used);
    const shown = this.#wraps ? lines.flatMap((line) => hanging(line, left)) : [clip(lines.join(GAP), left)];
    const start = first.map(style).join(GAP);
    // The heading of cells that stand below the others has no place of its own.
    if (isHeading && !this.#isEven && widthOf(lines[0]) > width - used) {
      this.#output.line(start.trimEnd());
      return;
    }
    if (isBelow) {
      this.#output.line(start.trimEnd());
      for (const line of shown) this.#output.line(INDENT + style(line));
      return;
    }
    for (const [at, line] of shown.entries()) {
      const before = at === 0 ? start + (first.length > 0 ? GAP : "") : " ".repeat(used);
      this.#output.line((before + style(line)).trimEnd());
    }
  }
}
