/** A value as lines, of which each stands for a field or an element; what is folded has one line. */

/** At this many fields or elements a value begins folded. */
const FOLDED_FROM = 200;

const isContainer = (value) => typeof value === "object" && value !== null;

/** Names of the fields of an object, or numbers of the elements of a list. */
function entriesOf(value) {
  return Array.isArray(value) ? value.map((element, at) => [at, element]) : Object.entries(value);
}

/** A key for a path, under which it is remembered whether it is folded. */
export const keyOf = (path) => JSON.stringify(path);

function isFolded(path, value, folds) {
  const chosen = folds.get(keyOf(path));
  if (chosen !== undefined) return chosen;
  return path.length > 0 && (path.length >= 4 || Object.keys(value).length >= FOLDED_FROM);
}

/**
 * The lines of a value, without recursion: values may be nested deeply. Each has `path`, `depth`, `name`, `value`, and for objects and
 * lists `size` and `isFolded`.
 */
export function linesOf(value, folds) {
  const lines = [];
  const left = [{ path: [], name: undefined, value }];
  while (left.length > 0) {
    const { path, name, value: here } = left.pop();
    const line = { path, depth: path.length, name, value: here };
    lines.push(line);
    if (!isContainer(here)) continue;
    line.size = Array.isArray(here) ? here.length : Object.keys(here).length;
    line.isFolded = line.size > 0 && isFolded(path, here, folds);
    if (line.isFolded) continue;
    const entries = entriesOf(here);
    for (let n = entries.length - 1; n >= 0; n--) {
      left.push({ path: [...path, entries[n][0]], name: entries[n][0], value: entries[n][1] });
    }
  }
  return lines;
}

/** A path as code has it: `tags[0].name`. */
export function pathText(path) {
  return path
    .map((step, n) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(step)) return `[${JSON.stringify(step)}]`;
      return n === 0 ? step : `.${step}`;
    })
    .join("");
}
