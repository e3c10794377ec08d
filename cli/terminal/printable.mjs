/** Text from a store, from a path or from the system, safe to show. */
import { jsonOf } from "./json.mjs";

// What a terminal could take for a command, and what hides or reorders the text beside it. What joins letters and emoji stays.
const UNPRINTABLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

const hex = (code) => code.toString(16).padStart(4, "0");

function escaped(character) {
  const code = character.codePointAt(0);
  return code <= 0xffff ? `\\u${hex(code)}` : `\\u{${hex(code)}}`;
}

/** Text on one line, with escapes for what is not to reach a terminal. */
export function printable(text) {
  return text.replaceAll(UNPRINTABLE, escaped);
}

/** Whether a text can be shown as it is. */
export function isPrintable(text) {
  return text.search(UNPRINTABLE) === -1;
}

/** The same for JSON text, which stays the same value. Its line ends are left. */
function printableJson(text) {
  return text.replaceAll(UNPRINTABLE, (character) =>
    character === "\n"
      ? character
      : [...Array(character.length).keys()].map((at) => `\\u${hex(character.charCodeAt(at))}`).join(""),
  );
}

/** A value as JSON that is safe to show. */
export function jsonText(value, space) {
  return printableJson(jsonOf(value, space) ?? "null");
}

/** A value on one line. */
export function shown(value) {
  return value === undefined ? "(no value)" : jsonText(value);
}
