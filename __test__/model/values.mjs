/**
 * Ids and values. A step holds a description in plain JSON, so that a failing list of steps can be printed
 * and run again; `valueOf` makes the value itself, a new one for each store.
 */
import fc from "fast-check";

const ids = {
  ascii: ["a", "b", "10", "2", "toString", "__proto__", "a b/c", 'q"\\'],
  unicode: ["a", "é", "10", "😀", "\ud83d", "\udc00\u2028", "nul\0", "__proto__"],
};

const fieldNames = ["n", "s", "list", "deep", "2", "1", "flag", "gone", "pad", "tx"];
/** Not for 0.8.1: see "fields with inherited names" among the differences. */
const inheritedNames = ["constructor", "toString", "__proto__", "valueOf"];

const leaf = fc.oneof(
  { arbitrary: fc.integer({ min: -3, max: 1000 }), weight: 3 },
  { arbitrary: fc.constantFrom("", "text", "zebra", "tax free", 'q"\\\n\t\u007f'), weight: 3 },
  { arbitrary: fc.constantFrom(0.1, 1e21, 1.5e-7, -2.5), weight: 1 },
  { arbitrary: fc.constantFrom(true, false, null), weight: 2 },
);
const nested = fc.oneof(
  { arbitrary: leaf, weight: 6 },
  { arbitrary: fc.array(leaf, { maxLength: 3 }), weight: 1 },
  { arbitrary: fc.dictionary(fc.constantFrom("x", "10", "9", "y"), leaf, { maxKeys: 3 }), weight: 1 },
);
const odd = fc.constantFrom("date", "undefined", "nan", "negative zero", "function").map((odd) => ({ odd }));
const length = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 3900, max: 4300 }));

function fieldList(names, value, size = { maxLength: 6 }) {
  const field = fc
    .constantFrom(...names)
    .chain((name) => fc.tuple(fc.constant(name), name === "pad" ? length : value));
  return fc.uniqueArray(field, { ...size, selector: ([name]) => name }).map((fields) => ({ fields }));
}

const narrow = fieldList(fieldNames, nested);
const wide = fc.oneof(
  { arbitrary: fieldList([...fieldNames, ...inheritedNames], fc.oneof(nested, odd)), weight: 6 },
  { arbitrary: fc.array(leaf, { maxLength: 3 }).map((raw) => ({ raw })), weight: 1 },
  { arbitrary: leaf.filter((value) => value !== null).map((raw) => ({ raw })), weight: 2 },
  {
    arbitrary: fc
      .constantFrom("undefined", "null", "function", "symbol", "bigint", "cycle")
      .map((refused) => ({ refused })),
    weight: 1,
  },
);

export const idArbitrary = fc.nat({ max: ids.ascii.length - 1 });

/** What to set: a new value, or the one that was last set under this id. */
export function valueArbitrary({ wide: isWide }) {
  const fresh = isWide ? wide : narrow;
  const some = fieldList(fieldNames, nested, { maxLength: 2 }).map(({ fields }) => fields);
  return fc.oneof(
    { arbitrary: fresh, weight: 5 },
    { arbitrary: fc.constant({ same: true }), weight: 1 },
    {
      arbitrary: fc.record({ drop: fc.nat({ max: 15 }), add: some }).map((changed) => ({ changed })),
      weight: 4,
    },
  );
}

export function idOf(index, { alphabet }) {
  return index === "empty" ? "" : ids[alphabet][index];
}

export const allIds = ({ alphabet }) => ids[alphabet];

/** Makes the value that `description` describes. */
export function valueOf(description, header) {
  if ("refused" in description) return refusedValue(description.refused);
  if ("raw" in description) return written(description.raw, header);
  return Object.fromEntries(
    description.fields.map(([name, value]) => [
      written(name, header),
      name === "pad" ? padding(value, header) : written(value, header),
    ]),
  );
}

function refusedValue(kind) {
  const cycle = {};
  cycle.self = cycle;
  return { undefined, null: null, function: () => {}, symbol: Symbol("s"), bigint: { n: 1n }, cycle }[kind];
}

/** In ASCII runs lines stay below 4096 bytes: see "undo counts characters" among the differences. */
function padding(count, { alphabet }) {
  return "p".repeat(alphabet === "ascii" ? count % 61 : count);
}

function written(value, header) {
  if (typeof value === "string") return header.alphabet === "ascii" ? value : accented(value);
  if (Array.isArray(value)) return value.map((inner) => written(inner, header));
  if (typeof value !== "object" || value === null) return value;
  if ("odd" in value) return oddValue(value.odd);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, written(inner, header)]));
}

function oddValue(kind) {
  const odds = { date: new Date(0), undefined, nan: NaN, "negative zero": -0, function: () => {} };
  return odds[kind];
}

const accents = { e: "é", x: "😀", z: "\ud800", t: "t\u2028", r: "ж" };

function accented(text) {
  return text.replaceAll(/[exztr]/g, (letter) => accents[letter]);
}
