/** Values as JSON, however deeply they are nested: `JSON.stringify` ends with a full call stack at some 5,000 levels. */

/** JSON of a value that is nested too deeply for `JSON.stringify`, on one line. */
function deepJson(root) {
  const pieces = [];
  const open = [];
  const begin = (value) => {
    if (typeof value !== "object" || value === null) {
      pieces.push(JSON.stringify(value) ?? "null");
      return;
    }
    const isList = Array.isArray(value);
    const names = Object.keys(value).filter((name) => isList || value[name] !== undefined);
    pieces.push(isList ? "[" : "{");
    open.push({ value, isList, names, at: 0 });
  };
  begin(root);
  while (open.length > 0) {
    const frame = open.at(-1);
    const { value, isList, names, at } = frame;
    if (at === names.length) {
      pieces.push(isList ? "]" : "}");
      open.pop();
      continue;
    }
    frame.at++;
    pieces.push(at > 0 ? "," : "", isList ? "" : `${JSON.stringify(names[at])}:`);
    begin(value[names[at]]);
  }
  return pieces.join("");
}

/** As `JSON.stringify` prints it; on one line where that fails for the depth. `undefined` for what has no JSON. */
export function jsonOf(value, space) {
  try {
    return JSON.stringify(value, null, space);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return deepJson(value);
  }
}
