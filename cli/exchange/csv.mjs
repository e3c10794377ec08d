/** Rows of comma-separated values, as RFC 4180 has them: cells in quotes may hold commas, quotes and line ends. */

import { linesOf, textOf } from "./lines.mjs";

/** A cell as it stands in a row. */
function quoted(text) {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A row without its line end. */
export function csvRow(cells) {
  const text = cells.map(quoted).join(",");
  // An empty line is no row.
  return text === "" ? '""' : text;
}

/** The row of a cell is not what it must be. */
class CsvError extends Error {
  constructor(line, message) {
    super(message);
    this.line = line;
  }
}

/** Takes text in, piece by piece, and gives the rows that are whole. */
class Parser {
  #cells = [];
  #cell = "";
  /** `start` of a cell, in `plain` text, in `quotes`, or `after` them. */
  #state = "start";
  #line = 1;
  #begun = 1;
  #wasReturn = false;

  *take(text) {
    for (const character of text) {
      const row = this.#next(character);
      if (row !== undefined) yield row;
    }
  }

  *end() {
    if (this.#state === "quotes") throw new CsvError(this.#begun, "a quote is not closed");
    if (this.#state !== "start" || this.#cells.length > 0) yield this.#row();
  }

  #next(character) {
    const follows = this.#wasReturn && character === "\n";
    this.#wasReturn = character === "\r";
    if (follows && this.#state !== "quotes") return undefined;
    if (character === "\n" || (character === "\r" && this.#state !== "quotes")) this.#line++;
    if (this.#state === "quotes") {
      if (character === '"') this.#state = "after";
      else this.#cell += character;
      return undefined;
    }
    if (character === '"' && this.#state !== "plain") {
      if (this.#state === "after") this.#cell += '"';
      this.#state = "quotes";
      return undefined;
    }
    if (character === ",") return this.#endCell();
    if (character === "\n" || character === "\r") return this.#endLine();
    if (this.#state === "after")
      throw new CsvError(this.#begun, 'behind a closing quote there is neither "," nor the end of the line');
    this.#state = "plain";
    this.#cell += character;
    return undefined;
  }

  #endCell() {
    this.#cells.push(this.#cell);
    this.#cell = "";
    this.#state = "start";
    return undefined;
  }

  #endLine() {
    const isEmpty = this.#state === "start" && this.#cells.length === 0;
    const row = isEmpty ? undefined : this.#row();
    this.#begun = this.#line;
    return row;
  }

  #row() {
    this.#endCell();
    const row = { cells: this.#cells, line: this.#begun };
    this.#cells = [];
    return row;
  }
}

/** Yields `{ cells, line }` for each row of a stream of bytes; `line` is the number of its first line. */
export async function* csvRows(stream) {
  const parser = new Parser();
  let number = 0;
  for await (const line of linesOf(stream)) {
    number++;
    let text;
    try {
      text = textOf(line);
    } catch (error) {
      throw new CsvError(number, error.message);
    }
    yield* parser.take(`${text}\n`);
  }
  yield* parser.end();
}
