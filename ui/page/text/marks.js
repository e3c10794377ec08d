/**
 * Characters that are not seen, or change how those beside them are shown, each with a short name: a page shows the name in their place.
 * What joins letters and emoji is left as it is.
 */
const NAMES = new Map([
  [0x00ad, "SHY"],
  [0x061c, "ALM"],
  [0x180e, "MVS"],
  [0x200b, "ZWSP"],
  [0x200e, "LRM"],
  [0x200f, "RLM"],
  [0x2028, "LSEP"],
  [0x2029, "PSEP"],
  [0x202a, "LRE"],
  [0x202b, "RLE"],
  [0x202c, "PDF"],
  [0x202d, "LRO"],
  [0x202e, "RLO"],
  [0x2060, "WJ"],
  [0x2066, "LRI"],
  [0x2067, "RLI"],
  [0x2068, "FSI"],
  [0x2069, "PDI"],
  [0xfeff, "BOM"],
]);

const C0 =
  "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(
    " ",
  );

// Format characters, controls and lone surrogates; not the joiners U+200C and U+200D.
const HIDDEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** A text in parts: strings to be shown as they are, and `{ mark, code }` for what is not seen. */
export function partsOf(text) {
  const parts = [];
  let at = 0;
  for (const { 0: character, index } of text.matchAll(HIDDEN)) {
    if (index > at) parts.push(text.slice(at, index));
    parts.push({ mark: nameOf(character.codePointAt(0)), code: codeOf(character.codePointAt(0)) });
    at = index + character.length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

function codeOf(code) {
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function nameOf(code) {
  return C0[code] ?? NAMES.get(code) ?? codeOf(code);
}
