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
  t.like(some, { status: 0, stdout: "2 records changed\n" });
  const entries = await storedEntries(Store, folder, { readOnly: true });
  t.deepEqual(
    entries.map(([id, { name }]) => [id, name]),
    [
      ["ada", "Ada Lovelace"],
      ["bob", "Bob"],
    ],
  );
  t.deepEqual((await cliJson(t, ["revert", folder, fourth])).values, [{ changed: 1 }]);
  t.is((await storedEntries(Store, folder, { readOnly: true })).length, 3);
});
