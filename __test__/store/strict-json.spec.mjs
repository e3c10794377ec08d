/** The option strictJson: what JSON would change without a word is refused, with its place, and nothing changes. */
import vm from "node:vm";
import { openOurs } from "../helpers/stores.mjs";
import { everywhere } from "../helpers/everywhere.mjs";

class User {
  name = "Ada";
}

class Names extends Array {}

const hole = [1, 2];
delete hole[0];

const refused = {
  NaN: [{ a: { b: [1, NaN] } }, /value\.a\.b\[1\] is NaN, which becomes null/],
  "an infinity": [{ "not a name": -Infinity }, /value\["not a name"\] is -Infinity/],
  "undefined in a list": [{ list: [undefined] }, /value\.list\[0\] is undefined/],
  "a hole in a list": [{ list: hole }, /value\.list\[0\] is undefined/],
  "a function": [{ f: () => 1 }, /value\.f is .*function/],
  "a symbol": [{ s: Symbol("s") }, /value\.s is .*symbol/i],
  "a symbol for a name": [{ in: { [Symbol("s")]: 1 } }, /value\.in is an object with symbols/],
  "a Date": [{ at: new Date(5) }, /value\.at is a Date, which becomes a string/],
  "a Date as the value": [new Date(5), /value is a Date/],
  "a Map": [{ m: new Map() }, /value\.m is an instance of Map/],
  "a Set": [[new Set()], /value\[0\] is an instance of Set/],
  "a RegExp": [{ r: /x/ }, /value\.r is an instance of RegExp/],
  "a promise": [{ p: Promise.resolve() }, /value\.p is an instance of Promise/],
  "a Buffer": [{ b: Buffer.from("x") }, /value\.b is an instance of Buffer/],
  "an Error": [{ e: new Error("x") }, /value\.e is an instance of Error/],
  "an instance of a class": [{ u: new User() }, /value\.u is an instance of User/],
  "an instance of a class of lists": [{ l: Names.from(["x"]) }, /value\.l is an instance of Names/],
  "a list with a field": [{ l: [Object.assign([1], { x: 2 })] }, /value\.l\[0\] is a list with fields/],
  "a list that a RegExp gave": [{ l: /x/.exec("x") }, /value\.l is a list with fields/],
  "an object with toJSON()": [{ t: { toJSON: () => 1 } }, /value\.t is an object with a method toJSON/],
};

for (const [what, [value, message]] of Object.entries(refused)) {
  everywhere(`${what}, is refused with strictJson by every call that stores a value`, async (t) => {
    const { store } = await openOurs(t, { strictJson: true });
    await store.set("a", { n: 1 });
    const error = { code: "OPSLOG_INVALID_VALUE", instanceOf: TypeError, message };
    const calls = {
      set: () => store.set("a", value),
      batch: () => store.batch(() => store.set("a", value)),
      insert: () => store.insert("b", value),
      update: () => store.update("a", () => value),
      compareAndSet: () => store.compareAndSet("a", { n: 1 }, value),
      transaction: () => store.transaction((tx) => tx.set("a", value)),
    };
    for (const [name, call] of Object.entries(calls)) await t.throwsAsync(call, error, name);
    t.deepEqual(store.entries(), [["a", { n: 1 }]]);
  });
}

everywhere(
  "what JSON keeps, is stored with strictJson, also objects of another realm or without a prototype",
  async (t) => {
    const { store } = await openOurs(t, { strictJson: true });
    const shared = { x: 1 };
    const bare = Object.assign(Object.create(null), { y: 2 });
    const value = { list: [1, "a", null, true, -0], shared, again: [shared, shared], gone: undefined, bare };
    await store.set("a", value);
    await store.set("b", vm.runInNewContext("({ list: [{ x: 1 }] })"));
    await store.patch("a", { gone: undefined, more: 1 });
    t.is(store.get("a").more, 1);
    t.deepEqual(store.get("b"), { list: [{ x: 1 }] });
  },
);

everywhere("a cycle with strictJson, is refused in V8's words", async (t) => {
  const { store } = await openOurs(t, { strictJson: true });
  const cycle = {};
  cycle.cycle = cycle;
  await t.throwsAsync(store.set("a", cycle), { code: "OPSLOG_INVALID_VALUE", message: /circular/i });
});

/** An object or a list that is nested so many levels deep. */
function nested(levels, wrapped) {
  let value = 1;
  for (let level = 0; level < levels; level++) value = wrapped(value);
  return value;
}

everywhere("a value that is nested too deeply, is refused with strictJson as without it", async (t) => {
  const error = { code: "OPSLOG_INVALID_VALUE", instanceOf: TypeError, message: /nested too deeply/ };
  for (const options of [{ strictJson: true }, {}]) {
    const { store } = await openOurs(t, options);
    await store.set("a", { n: 1 });
    for (const wrapped of [(value) => ({ value }), (value) => [value]]) {
      const value = nested(20_000, wrapped);
      await t.throwsAsync(store.set("a", value), error);
      await t.throwsAsync(store.patch("a", { value }), error);
      await t.throwsAsync(
        store.batch(() => store.set("a", value)),
        error,
      );
    }
    const endless = () => ({
      get value() {
        return endless();
      },
    });
    await t.throwsAsync(store.set("a", endless()), error);
    t.deepEqual(store.entries(), [["a", { n: 1 }]]);
    await store.close();
  }
});

everywhere(
  "a value of 3,000 levels, is stored with strictJson, and what JSON would change in it is found",
  async (t) => {
    const { store } = await openOurs(t, { strictJson: true });
    const fields = (value) => ({ value });
    await store.set("a", nested(3000, fields));
    t.is(JSON.stringify(store.get("a")), JSON.stringify(nested(3000, fields)));
    const spoiled = nested(2999, fields);
    let inmost = spoiled;
    while (inmost.value !== 1) inmost = inmost.value;
    inmost.value = NaN;
    const error = { code: "OPSLOG_INVALID_VALUE", message: /\.value\.value is NaN, which becomes null$/ };
    await t.throwsAsync(store.set("a", [0, spoiled]), error);
    await t.throwsAsync(store.set("a", { list: [1], spoiled, later: new Map() }), error);
  },
);

everywhere("without strictJson, JSON does what it does", async (t) => {
  const { store } = await openOurs(t);
  await store.set("a", { at: new Date(0), n: NaN });
  t.deepEqual(store.get("a"), { at: "1970-01-01T00:00:00.000Z", n: null });
});
