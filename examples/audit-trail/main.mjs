// An audit trail: every change of an account says who made it and why. The log keeps all of them; nothing has to be
// written twice.

import { Store, applyDelta } from "@backloghq/opslog";
import { withFolder } from "../folder.mjs";

const store = new Store();

async function change(id, by, why, fields) {
  await store.set(id, { ...store.get(id), ...fields, by, why });
}

/** What a record was before each operation on it, the newest first. */
function* earlier(id) {
  for (const operation of store.getHistory(id).reverse()) {
    // Most operations hold a patch that leads back, instead of the whole record.
    const { data, prev, encoding } = operation;
    yield encoding === "delta" ? applyDelta(data, prev) : prev;
  }
}

await withFolder(async (folder) => {
  // A trail is to be complete: checkpoints, which begin it anew, come only when we say so.
  await store.open(folder, { checkpointThreshold: Infinity, checkpointOnClose: false });

  await change("acme", "ada", "new customer", {
    name: "Acme Ltd",
    address: "1 High Street, London",
    limit: 1000,
  });
  await change("acme", "bob", "paid on time for a year", { limit: 5000 });
  await change("acme", "cyd", "typing error", { limit: 50000 });

  for (const { data } of store.getHistory("acme"))
    console.log(`${data.by}: limit ${data.limit} (${data.why})`);

  const [before] = earlier("acme");
  console.log("before the last change the limit was", before.limit);

  // The last operation of the whole store can be taken back, as if it had never been.
  await store.undo();
  console.log("after the undo:", store.get("acme").limit, "by", store.get("acme").by);

  // Anything older is set right by one more change, which the trail shows too.
  const original = [...earlier("acme")].at(-2);
  await change("acme", "ada", "back to the start", { limit: original.limit });
  console.log("changes on record:", store.getHistory("acme").length);

  // At the end of the year: what is closed goes to an archive, and the trail begins anew. The old log stays in ops/.
  await change("old-co", "bob", "closed", { name: "Old Co", closed: true });
  console.log("archived:", await store.archive(({ closed }) => closed === true, "2026"));
  console.log("in the archive:", (await store.loadArchive("2026")).get("old-co").name);
  console.log("left:", store.count(), "with", store.stats().opsCount, "changes since");
  await store.close();
});
