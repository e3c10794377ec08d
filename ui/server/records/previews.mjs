/** Values cut to what a cell of a table can show. */

const MOST_CHARACTERS = 160;
const MOST_ELEMENTS = 12;

/** A text without its end, and never in the middle of a pair of surrogates. */
export function cut(text, length = MOST_CHARACTERS) {
  if (text.length <= length) return text;
  const end = /[\ud800-\udbff]/.test(text[length - 1]) ? length - 1 : length;
  return text.slice(0, end);
}

/** JSON of a value up to some length: no more of it is looked at than is shown. */
function shortJson(value, room) {
  if (typeof value === "string") return JSON.stringify(cut(value, room));
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  const isList = Array.isArray(value);
  const parts = [];
  let left = room - 2;
  let seen = 0;
  for (const name in value) {
    if (!Object.hasOwn(value, name)) continue;
    if (left <= 0 || ++seen > MOST_ELEMENTS) {
      parts.push("…");
      break;
    }
    const label = isList ? "" : `${JSON.stringify(cut(name, 40))}: `;
    const part = `${label}${left > label.length ? shortJson(value[name], left - label.length) : "…"}`;
    parts.push(part);
    left -= part.length + 2;
  }
  const inside = parts.join(", ");
  return isList ? `[${inside}]` : `{${inside}}`;
}

/** `{ kind, text, length? }`: what a value is, the beginning of it, and how long it is where that is not all. */
export function preview(value) {
  if (value === undefined) return { kind: "missing", text: "" };
  if (value === null) return { kind: "null", text: "null" };
  if (typeof value === "string") {
    const text = cut(value);
    return { kind: "string", text, ...(text.length < value.length && { length: value.length }) };
  }
  if (typeof value === "object") {
    const isList = Array.isArray(value);
    const text = cut(shortJson(value, MOST_CHARACTERS));
    return isList ? { kind: "list", text, length: value.length } : { kind: "object", text };
  }
  return { kind: typeof value, text: String(value) };
}
