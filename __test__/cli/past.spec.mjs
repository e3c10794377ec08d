/** `opslog at` and `opslog revert`. */
import test from "ava";
import { Store } from "../../index.mjs";
import { cli, cliJson, exampleFolder } from "../helpers/cli.mjs";
import { contents, storedEntries } from "../helpers/store-folder.mjs";

/** The position behind each operation of a folder. */
async function positions(folder) {
  const store = new Store();
  await store.open(folder, { readOnly: true });
  const found = [];
  for await (const { position } of store.changes()) found.push(position);
  await store.close();
  return found;
}

test("at, shows the records of a time and of a position, across checkpoints, and writes nothing", async (t) => {
  const folder = await exampleFolder(t);
  const before = await contents(folder);
  const places = await positions(folder);
  const { values } = await cliJson(t, ["at", folder, places[1]]);
  t.deepEqual(values, [
    { id: "ada", data: { name: "Ada", done: true, address: { city: "London" } } },
    { id: "bob", data: { name: "Bob", done: false, address: { city: "Paris" } } },
  ]);
  t.deepEqual((await cliJson(t, ["at", folder, places[0], "ada"])).values[0].name, "Ada");
  t.regex((await cli(t, ["at", folder, places[3]])).stdout, /^ada .*\ncyd .*\nbob .*\n3 records\n$/m);
  t.is((await cliJson(t, ["at", folder, "1h"])).values.length, 0);
  t.deepEqual(await contents(folder), before);
});

test("at, the record or the time is none, says so", async (t) => {
  const folder = await exampleFolder(t);
  const missing = await cli(t, ["at", folder, "1h", "ada"]);
  t.like(missing, { status: 1, stdout: "", stderr: "opslog: there was no record ada\n" });
  t.like(await cli(t, ["at", folder, "yesterday"]), { status: 2, stdout: "" });
  t.is((await cli(t, ["at", folder])).status, 2);
});

test("revert, makes the records what they were, all of them or some", async (t) => {
  const folder = await exampleFolder(t);
  const [, second, , fourth] = await positions(folder);
  const some = await cli(t, ["revert", folder, second, "--id", "bob", "--id", "cyd"]);
  t.is(some.status, 0);
  t.true(some.stdout.startsWith("2 records changed, 1 of them deleted\n"));
  const entries = await storedEntries(Store, folder, { readOnly: true });
  t.deepEqual(
    entries.map(([id, { name }]) => [id, name]),
    [
      ["ada", "Ada Lovelace"],
      ["bob", "Bob"],
    ],
  );
  t.like((await cliJson(t, ["revert", folder, fourth])).values[0], { changed: 1, deleted: 0 });
  t.is((await storedEntries(Store, folder, { readOnly: true })).length, 3);
});

test("revert to a time before the records, says that they are deleted, and how they come back", async (t) => {
  for (const agent of [[], ["--agent", "it's me"]]) {
    const folder = await exampleFolder(t);
    const before = await storedEntries(Store, folder, { readOnly: true });
    const { stdout, stderr, status } = await cli(t, ["revert", folder, "1h", "--id", "ada", ...agent]);
    t.deepEqual({ stderr, status }, { stderr: "", status: 0 });
    const [said, back] = stdout.split("\n");
    t.is(said, "1 record changed, 1 of them deleted");
    t.is((await storedEntries(Store, folder, { readOnly: true })).length, before.length - 1);
    const [, words] = /^to take this back: opslog (.*)$/.exec(back);
    const args = [...words.matchAll(/'((?:[^']|'\\'')*)'(?= |$)|(\S+)/g)].map(
      ([, quoted, plain]) => plain ?? quoted.replaceAll("'\\''", "'"),
    );
    const taken = await cli(t, args);
    t.is(taken.status, 0);
    t.true(taken.stdout.startsWith("1 record changed\n"));
    const after = await storedEntries(Store, folder, { readOnly: true });
    t.deepEqual(Object.fromEntries(after), Object.fromEntries(before));
  }
  const folder = await exampleFolder(t);
  t.like(await cli(t, ["revert", folder, "2999-01-01"]), { stdout: "0 records changed\n", stderr: "" });
});
