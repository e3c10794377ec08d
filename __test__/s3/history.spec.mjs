/** The history of a store in a bucket: told, gone back to, pruned. */
import { newWorld, s3Test } from "./server.mjs";

async function idsOf(changes) {
  const ids = [];
  for await (const { id } of changes) ids.push(id);
  return ids;
}

s3Test(
  "changes(), at(), revert() and undo({ batch: true }) of a single writer go through checkpoints",
  async (t) => {
    const { open } = await newWorld(t);
    const store = await open();
    await store.set("a", { n: 1 });
    const { position } = store;
    await store.batch(() => {
      store.set("b", { n: 1 });
      store.set("c", { n: 1 });
    });
    t.true(await store.undo({ batch: true }));
    await store.compact();
    await store.set("a", { n: 2 });
    t.deepEqual(await idsOf(store.changes()), ["a", "a"]);
    const view = await store.at(position);
    t.deepEqual(view.entries(), [["a", { n: 1 }]]);
    t.is(await store.revert({ to: position }), 1);
    t.deepEqual(store.get("a"), { n: 1 });
    await store.close();
    const reader = await open({ readOnly: true });
    t.deepEqual(await idsOf(reader.changes({ after: position })), ["a", "a"]);
    t.true((await reader.usage()).sealed.files > 0);
    await reader.close();
  },
);

s3Test("prune() deletes the logs behind the grace period, and a position there is gone", async (t) => {
  const { backend, open } = await newWorld(t, {}, { graceMs: 0 });
  const store = await open({ agentId: "one" });
  await store.set("a", { n: 1 });
  const { position } = store;
  for (let n = 0; n < 3; n++) {
    await store.set("a", { n });
    await store.compact();
  }
  const logs = (await (await backend()).listOpsFiles()).length;
  const { files, bytes } = await store.prune();
  t.true(files >= 3 && bytes > 0, `${files} files, ${bytes} bytes`);
  t.true((await (await backend()).listOpsFiles()).length < logs);
  await t.throwsAsync(store.changes({ after: position }).next(), { code: "OPSLOG_POSITION_GONE" });
  await store.set("b", { n: 1 });
  t.deepEqual(await idsOf(store.changes()), ["b"]);
  await store.close();
});
