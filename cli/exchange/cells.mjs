/**
 * Records as rows of a table. A column `id`, and one for each field. A cell is plain text where that reads as the same value
 * again, and JSON otherwise: 5 is a number, "5" in quotes is a text, an empty cell is a field that is not there. So a record comes back as
 * it was. A value that is no object stands in the column `data`, and a field with one of these names in `data.id` or `data.data`.
 */
import { isPrintable, jsonText } from "../terminal/printable.mjs";

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** The value of a cell. A number that JavaScript cannot hold as it is written stays a text. */
export function valueOfCell(cell) {
  if (NUMBER.test(cell)) {
    const isWhole = /^-?\d+$/.test(cell);
    const number = Number(cell);
    const isExact = Number.isSafeInteger(number) || !isWhole || String(number) === cell;
    return Number.isFinite(number) && isExact ? number : cell;
  }
  if (!/^["{[tfn]/.test(cell)) return cell;
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

/** The cell of a value. */
export function cellOf(value) {
  if (value === undefined) return "";
  const isPlain =
    typeof value === "string" &&
    value !== "" &&
    valueOfCell(value) === value &&
    isPrintable(value.replaceAll("\n", ""));
  return isPlain ? value : jsonText(value);
}

const isRow = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const columnOf = (name) =>
  name === "id" || name === "data" || name.startsWith("data.") ? `data.${name}` : name;

/** The columns that records need, but for `id`. */
export class Columns {
  /** Columns by the names of their fields. */
  #fields = new Map();
  #hasOther = false;

  add(value) {
    if (!isRow(value) || Object.keys(value).length === 0) this.#hasOther = true;
    else
      for (const name of Object.keys(value))
        if (!this.#fields.has(name)) this.#fields.set(name, columnOf(name));
  }

  /** The names of the columns, as cells. */
  header() {
    return ["id", ...(this.#hasOther ? ["data"] : []), ...[...this.#fields.values()].map(cellOf)];
  }

  row(id, value) {
    const isOther = !isRow(value) || Object.keys(value).length === 0;
    return [
      cellOf(id),
      ...(this.#hasOther ? [isOther ? cellOf(value) : ""] : []),
      ...[...this.#fields.keys()].map((name) =>
        !isOther && Object.hasOwn(value, name) ? cellOf(value[name]) : "",
      ),
    ];
  }
}

const textOfCell = (cell) => {
  const value = cell.startsWith('"') ? valueOfCell(cell) : cell;
  return typeof value === "string" ? value : cell;
};

/** Programs in some languages separate cells by semicolons. */
function separatorHint(cells) {
  if (cells.length > 1) return "";
  if (cells[0].includes("\t")) return ": cells stand between commas, not tabs";
  return cells[0].includes(";") ? ': cells stand between commas, not ";"' : "";
}

/** Reads rows by their header. */
export class Header {
  #columns;

  constructor(cells) {
    this.#columns = cells.map(textOfCell);
    if (!this.#columns.includes("id")) throw new Error(`there is no column "id"${separatorHint(cells)}`);
    const twice = this.#columns.find((name, at) => this.#columns.indexOf(name) !== at);
    if (twice !== undefined) throw new Error(`there are two columns "${twice}"`);
  }

  /** `{ id, data }` of a row. */
  record(cells) {
    if (cells.length > this.#columns.length)
      throw new Error(`this row has ${cells.length} cells, and the header has ${this.#columns.length}`);
    const record = { id: undefined, data: {} };
    for (const [at, cell] of cells.entries()) {
      const name = this.#columns[at];
      if (cell === "") continue;
      if (name === "id") record.id = textOfCell(cell);
      else if (name === "data") record.data = valueOfCell(cell);
      else if (isRow(record.data))
        Object.defineProperty(record.data, name.startsWith("data.") ? name.slice(5) : name, {
          value: valueOfCell(cell),
          enumerable: true,
          writable: true,
          configurable: true,
        });
    }
    if (record.id === undefined) throw new Error("this row has no id");
    return record;
  }
}
