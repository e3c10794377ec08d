/** What no manifest names any more is deleted after its grace period, and nothing else is. */
import { newWorld, s3Test } from "./server.mjs";

s3Test(
  "superseded snapshots are deleted behind checkpoints after the grace period, and a fresh reader sees everything",
  async (t) => {
    const { backend, open } = await newWorld(t, {}, { graceMs: 0 });
    const store = await open();
    for (let n = 0; n < 4; n++) {
      await store.set(`id-${n}`, { n });
      await store.compact();
      // Objects bear the second in which they were written.
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    await store.close();
    const snapshots = await (await backend()).listBlobs("snapshots");
    t.true(snapshots.length <= 2, snapshots.join(" "));
    const reader = await open({ readOnly: true });
    t.is(reader.count(), 4);
    await reader.close();
  },
);

s3Test("within the grace period, nothing is deleted", async (t) => {
  const { backend, open } = await newWorld(t);
  const store = await open();
  for (let n = 0; n < 3; n++) {
    await store.set(`id-${n}`, { n });
    await store.compact();
  }
  await store.close();
  t.is((await (await backend()).listBlobs("snapshots")).length, 4);
});
