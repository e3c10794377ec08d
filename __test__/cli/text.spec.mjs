/** How text is measured, cut, broken and made safe for a terminal. */
import { spawnSync } from "node:child_process";
import test from "ava";
import fc from "fast-check";
import { isPrintable, jsonText, printable } from "../../cli/terminal/printable.mjs";
import { clip, pad, widthOf, wrap } from "../../cli/terminal/text-width.mjs";

const widths = {
  abc: 3,
  "": 0,
  日本語: 6,
  한국어: 6,
  ｆｕｌｌ: 8,
  é: 1,
  "e\u0301": 1,
  "👩‍💻": 2,
  "👍🏽": 2,
  "🇩🇪": 2,
  "❤️": 2,
  "❤": 1,
  "1️⃣": 2,
  "→": 1,
  "…": 1,
  שלום: 4,
  ก็: 1,
  "〜": 2,
  "𠮷": 2,
  한: 2,
};

test("a text's width is the columns that it takes up on a terminal", (t) => {
  for (const [text, width] of Object.entries(widths)) t.is(widthOf(text), width, text);
});

const python = `
import unicodedata, json
blocks = [c for c in range(0x20, 0x30000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Cc", "Cf", "Co", "Mn", "Me", "Mc")]
print(json.dumps([c for c in blocks if unicodedata.east_asian_width(chr(c)) in ("W", "F")]))
`;

const known = spawnSync("python3", ["-c", python], { encoding: "utf8", maxBuffer: 1 << 26 });
const withPython = known.status === 0 ? test : test.skip;

withPython("a character is two columns wide where Unicode says that it is wide, and nowhere else", (t) => {
  const wide = new Set(JSON.parse(known.stdout));
  for (const code of wide) t.is(widthOf(String.fromCodePoint(code)), 2, code.toString(16));
  for (let code = 0x20; code < 0x2e80; code++) {
    const character = String.fromCodePoint(code);
    if (
      !wide.has(code) &&
      /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) &&
      !/\p{Emoji_Presentation}/u.test(character)
    )
      t.true(widthOf(character) <= 1, code.toString(16));
  }
});

test("clip(), cuts where a text is too wide, never within a character, and marks the cut", (t) => {
  t.is(clip("abcdef", 6), "abcdef");
  t.is(clip("abcdefg", 6), "abcde…");
  t.is(clip("日本語", 6), "日本語");
  t.is(clip("日本語", 5), "日本…");
  t.is(clip("日本語", 4), "日…");
  t.is(clip("a👩‍💻b", 3), "a…");
  t.is(clip("abc", 0), "");
  t.is(clip("x".repeat(1000), Infinity).length, 1000);
});

test("wrap(), of JSON, breaks between fields", (t) => {
  const text = '{"title":"Buy milk","done":false,"tags":["home","shop"],"n":{"a":1}}';
  t.deepEqual(wrap(text, 30), [
    '{"title":"Buy milk",',
    '"done":false,"tags":["home",',
    '"shop"],"n":{"a":1}}',
  ]);
  t.is(wrap(text, 22).join(""), text);
});

test("wrap(), breaks no word that has room in a line of its own", (t) => {
  t.deepEqual(wrap("set the records back to an earlier time", 14), [
    "set the",
    "records back",
    "to an earlier",
    "time",
  ]);
  t.deepEqual(wrap("a folder of @backloghq/opslog, changes", 20), [
    "a folder of",
    "@backloghq/opslog,",
    "changes",
  ]);
  t.deepEqual(wrap("by abcdefghijklmnopqrstuvwxyz", 10), ["by abcdefg", "hijklmnopq", "rstuvwxyz"]);
});

test("pad(), fills up to columns and not to characters", (t) => {
  t.is(pad("日本", 6), "日本  ");
  t.is(pad("abc", 2), "abc");
});

const texts = fc
  .array(fc.constantFrom(..."ab ", "日", "👩‍💻", "e\u0301", "🇩🇪"), { maxLength: 60 })
  .map((parts) => parts.join(""));

test("wrap(), whatever the text, gives lines that have room and leaves out nothing but spaces", (t) => {
  fc.assert(
    fc.property(texts, fc.integer({ min: 2, max: 20 }), (text, columns) => {
      const lines = wrap(text, columns);
      for (const line of lines) if (widthOf(line) > columns) return false;
      return (
        lines.join("").replaceAll(" ", "") === text.replaceAll(" ", "") &&
        widthOf(clip(text, columns)) <= columns
      );
    }),
  );
  t.deepEqual(wrap("one two three", 8), ["one two", "three"]);
  t.deepEqual(wrap("one two three", Infinity), ["one two three"]);
  t.deepEqual(wrap("", 8), [""]);
});

const controls = [
  "\u0000",
  "\u0007",
  "\u001b",
  "\u007f",
  "\u0085",
  "\u009b",
  "\u009d",
  "\u200e",
  "\u202a",
  "\u202e",
  "\u2066",
  "\u2069",
  "\u061c",
  "\ufeff",
  "\u2028",
  "\u2029",
  "\u{e0001}",
  "\u{1d173}",
  "\ud800",
];

test("controls of a terminal, and characters that reorder or hide text, are shown as escapes; JSON keeps its value", (t) => {
  for (const control of controls) {
    const text = `a${control}b`;
    t.regex(printable(text), /^a\\u(\{[0-9a-f]+\}|[0-9a-f]{4})b$/);
    t.false(isPrintable(text));
    const json = jsonText({ [text]: text });
    t.true(isPrintable(json), json);
    t.deepEqual(JSON.parse(json), { [text]: text });
  }
  t.is(printable("👩‍💻 é 日本"), "👩‍💻 é 日本");
  t.is(jsonText({ a: 1 }, 2), '{\n  "a": 1\n}');
});
