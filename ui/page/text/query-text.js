/**
 * Reads a query as a person writes it: JSON, but names need no quotes, strings may have single ones, a comma may stand at the end,
 * and `/text/i` is a regular expression. `status: "open"` needs no braces around it.
 */

/** The query is no query. `at` is the place. */
export class QueryWrong extends Error {
  constructor(message, at) {
    super(`${message} at character ${at + 1}`);
    this.at = at;
  }
}

const TOKEN =
  /\s*(?:(?<punctuation>[{}[\]:,])|(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w$.])|(?<word>[\p{L}_$][\p{L}\p{N}_$.-]*)|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\/(?<pattern>(?:[^/\\]|\\.)+)\/(?<flags>[a-z]*))/uy;

const WORDS = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.next();
  }

  next() {
    TOKEN.lastIndex = this.at;
    const found = TOKEN.exec(this.text);
    if (found === null) {
      const rest = this.text.slice(this.at).trim();
      if (rest !== "")
        throw new QueryWrong(`Cannot read ${rest.slice(0, 12)}`, this.text.length - rest.length);
      this.token = null;
      return;
    }
    this.start = found.index + found[0].length - found[0].trimStart().length;
    this.at = TOKEN.lastIndex;
    this.token = found.groups;
  }

  isAt(punctuation) {
    return this.token?.punctuation === punctuation;
  }

  expect(punctuation) {
    if (!this.isAt(punctuation)) this.fail(`${punctuation} is missing`);
    this.next();
  }

  fail(message) {
    throw new QueryWrong(message, this.token === null ? this.text.length : this.start);
  }

  value() {
    if (this.token === null) this.fail("A value is missing");
    if (this.isAt("{")) return this.object("}");
    if (this.isAt("[")) return this.list();
    const { number, word, string, pattern, flags } = this.token;
    if (number !== undefined) return this.taken(Number(number));
    if (string !== undefined) return this.taken(this.unquoted(string));
    if (pattern !== undefined) {
      const options = flags.replaceAll(/[gy]/g, "");
      return this.taken({ $regex: pattern, ...(options !== "" && { $options: options }) });
    }
    if (word === undefined) this.fail("A value is missing");
    // A word without quotes is a string.
    return this.taken(WORDS.has(word) ? WORDS.get(word) : word);
  }

  taken(value) {
    this.next();
    return value;
  }

  unquoted(string) {
    const inside = string.slice(1, -1);
    const json = string.startsWith("'")
      ? inside.replaceAll("\\'", "'").replaceAll(/(?<!\\)"/g, '\\"')
      : inside;
    try {
      return JSON.parse(`"${json}"`);
    } catch {
      return this.fail("The string is wrong");
    }
  }

  name() {
    const { word, string, number } = this.token ?? {};
    if (word === undefined && string === undefined && number === undefined)
      this.fail("The name of a field is missing");
    return this.taken(string === undefined ? (word ?? number) : this.unquoted(string));
  }

  list() {
    this.next();
    const list = [];
    while (!this.isAt("]")) {
      list.push(this.value());
      if (!this.isAt("]")) this.expect(",");
    }
    this.next();
    return list;
  }

  /** Fields up to a brace, or up to the end of the text. */
  object(end) {
    if (end !== null) this.next();
    const entries = [];
    const isOver = () => (end === null ? this.token === null : this.isAt(end));
    while (!isOver()) {
      const name = this.name();
      this.expect(":");
      entries.push([name, this.value()]);
      if (!isOver()) this.expect(",");
    }
    if (end !== null) this.next();
    return Object.fromEntries(entries);
  }
}

/** The query that a text stands for; `undefined` for an empty one. */
export function readQuery(text) {
  if (text.trim() === "") return undefined;
  const reader = new Reader(text);
  const query = reader.isAt("{") ? reader.value() : reader.object(null);
  if (reader.token !== null) reader.fail("There is more");
  return query;
}
