// An audit trail: every change of an account says who made it and why. The logs keep all of them, through checkpoints and
// restarts; nothing has to be written twice.

import { Store } from "@backloghq/opslog";
import { withFolder } from "../folder.mjs";

const store = new Store();

async function change(id, by, why, fields) {
  await store.set(id, { ...store.get(id), ...fields, by, why });
}

/** All changes of a record, the oldest first, or with `reverse` the newest. */
async function trail(id, options) {
  const changes = [];
  for await (const change of store.changes({ id, ...options })) changes.push(change);
  return changes;
}

await withFolder(async (folder) => {
  await store.open(folder);
  await change("acme", "ada", "new customer", {
    name: "Acme Ltd",
    address: "1 High Street, London",
    limit: 1000,
  });
  await change("acme", "bob", "paid on time for a year", { limit: 5000 });
  await store.close();

  // A restart, and the checkpoint of close(), leave the trail as it is.
  await store.open(folder);
  await change("acme", "cyd", "typing error", { limit: 50000 });
  for (const { value } of await trail("acme"))
    console.log(`${value.by}: limit ${value.limit} (${value.why})`);

  const [last] = await trail("acme", { reverse: true, limit: 1 });
  console.log("before the last change the limit was", last.before.limit);

  // The last operation of the whole store can be taken back, as if it had never been.
  await store.undo();
  console.log("after the undo:", store.get("acme").limit, "by", store.get("acme").by);

  // Anything older is set right by one more change, which the trail shows too.
  const [first] = await trail("acme", { limit: 1 });
  await change("acme", "ada", "back to the start", { limit: first.value.limit });
  console.log("changes on record:", (await trail("acme")).length);

  // At the end of the year: what is closed goes to an archive. Its trail stays.
  await change("old-co", "bob", "closed", { name: "Old Co", closed: true });
  console.log("archived:", await store.archive(({ closed }) => closed === true, "2026"));
  console.log("in the archive:", (await store.loadArchive("2026")).get("old-co").name);
  console.log("left:", store.count(), "with", (await trail("old-co")).length, "change of what is archived");
  await store.close();
});
