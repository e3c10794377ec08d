// agentdb's calls, one after the other, each with a clock around it. It is copied to where agentdb is installed, and takes the package
// that is there. Arguments: a folder, and agentdb's storage mode.
import { AgentDB } from "@backloghq/agentdb";

const [, , folder, storageMode] = process.argv;
const INSERTS = 2000;
const MANY = 5000;
const UPDATES = 1000;

const figures = {};
async function clocked(name, work) {
  const began = performance.now();
  const value = await work();
  figures[name] = performance.now() - began;
  return value;
}

function must(isSo, what) {
  if (!isSo) throw new Error(what);
}

const record = (n) => ({
  _id: `item-${n}`,
  n,
  kind: `k${n % 50}`,
  title: `Item number ${n}`,
  tags: ["alpha", `tag-${n % 100}`],
  owner: { name: `user-${n % 1000}`, team: "storage" },
  note: "words that make the record about as long as others",
});

async function found(items, kind, count) {
  const { records } = await items.find({ filter: { kind }, limit: 1000 });
  must(records.length === count, `${records.length} were found`);
}

const database = await AgentDB.open(folder, { storageMode });
const items = await database.collection("items");
await clocked("insertMs", async () => {
  for (let n = 0; n < INSERTS; n += 1) await items.insert(record(n));
});
await clocked("insertManyMs", () =>
  items.insertMany(Array.from({ length: MANY }, (_, n) => record(INSERTS + n))),
);
await clocked("firstFindMs", () => found(items, "k7", 140));
await clocked("updateMs", async () => {
  for (let n = 0; n < UPDATES; n += 1) await items.update({ _id: `item-${n}` }, { $set: { seen: n } });
});
await clocked("findMs", () => found(items, "k7", 140));
await clocked("countMs", async () =>
  must((await items.count({ n: { $lt: 100 } })) === 100, "the count is wrong"),
);
await clocked("closeMs", () => database.close());

await clocked("reopenMs", async () => {
  const again = await AgentDB.open(folder, { storageMode });
  must((await (await again.collection("items")).findOne("item-42")).seen === 42, "an update is lost");
  await again.close();
});
process.stdout.write(JSON.stringify(figures));
