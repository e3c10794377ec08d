/**
 * Text measured in the columns that it takes up on a terminal. A character for East Asia and an emoji take two, a mark that
 * stands on the letter before it takes none.
 */

/** The first and last code points of blocks of wide characters (Unicode's East Asian Width W and F), emoji excepted. */
const WIDE = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0x3247],
  [0x3250, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18d7f],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f2ff],
  [0x20000, 0x3fffd],
];

const PLAIN = /^[\x20-\x7e]*$/;
const EMOJI = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f|^[\u{1f1e6}-\u{1f1ff}]{2}/u;
// Also the second and third letters of a Korean syllable that is written in letters.
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\ud7b0-\ud7ff]/u;

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

function widthOfCharacter(character) {
  if (WITHOUT_WIDTH.test(character)) return 0;
  const code = character.codePointAt(0);
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

function widthOfGrapheme(grapheme) {
  if (PLAIN.test(grapheme)) return grapheme.length;
  if (EMOJI.test(grapheme)) return 2;
  let width = 0;
  for (const character of grapheme) width += widthOfCharacter(character);
  return width;
}

/** Yields `[grapheme, width]` of a text, as far as they are asked for. */
function* graphemes(text) {
  for (const { segment } of segmenter.segment(text)) yield [segment, widthOfGrapheme(segment)];
}

/** How many columns a text takes up. */
export function widthOf(text) {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const [, own] of graphemes(text)) width += own;
  return width;
}

/** The beginning of a text that has room in so many columns. */
function head(text, columns) {
  if (PLAIN.test(text.slice(0, columns + 1))) return text.slice(0, columns);
  let [end, width] = [0, 0];
  for (const [grapheme, own] of graphemes(text)) {
    if (width + own > columns) break;
    end += grapheme.length;
    width += own;
  }
  return text.slice(0, end);
}

/** A text that is cut where it is wider than so many columns. */
export function clip(text, columns) {
  if (columns === Infinity || (text.length <= columns && PLAIN.test(text))) return text;
  if (head(text, columns) === text) return text;
  return `${head(text, Math.max(0, columns - 1))}…`.slice(columns > 0 ? 0 : 1);
}

/** A text with spaces behind it, up to so many columns. */
export function pad(text, columns) {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}

/**
 * The lines of a text in so many columns, broken at spaces, and in JSON between fields; nothing is left out. A word that is wider than a line is broken, or with
 * `keepsWords` has a line of its own, however wide: so it can still be copied.
 */
export function wrap(text, columns, { keepsWords = false } = {}) {
  if (columns === Infinity) return [text];
  const lines = [];
  let rest = text;
  while (rest !== "") {
    const whole = head(rest, columns);
    if (whole === rest) break;
    const end = breakOf(rest, whole, columns, keepsWords);
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return rest === "" && lines.length > 0 ? lines : [...lines, rest];
}

/** The end of the last field or element of a JSON text that has room in the line. */
const behindComma = (text, whole, mark) => text.slice(0, whole.length + 1).lastIndexOf(mark) + 1;

/** Whether the first word of a text has room in a line. */
function hasRoom(text, columns) {
  const space = text.indexOf(" ");
  const start = head(text, columns);
  return start === text || (space !== -1 && space <= start.length);
}

/** Where a line ends of which `whole` has room. */
function breakOf(text, whole, columns, keepsWords) {
  const space = text[whole.length] === " " ? whole.length : whole.lastIndexOf(" ");
  if (keepsWords) {
    if (space > 0) return space;
    const next = text.indexOf(" ", whole.length);
    return next === -1 ? text.length : next;
  }
  const end = Math.max(space, ...[',"', ",{", ",["].map((mark) => behindComma(text, whole, mark)));
  // A word that is wider than a line is broken where it stands: what is before it would stand there alone.
  const isLong = () => !hasRoom(text.slice(end).trimStart(), columns);
  return end > 0 && (end > whole.length / 2 || !isLong()) ? end : whole.length || [...text][0].length;
}
