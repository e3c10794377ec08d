import { awaitedWrites } from "../floors.mjs";
import { measureCalls } from "../measure.mjs";
import { makeId, makeOrder } from "../record.mjs";
import { storeNames } from "../stores/index.mjs";
import { sizes } from "./inserts.mjs";

const RECORDS = 10_000;

/** Gets a random record and sets it with one field changed. */
async function run({ store, folder }) {
  const handle = await store.open(folder);
  const ids = Array.from(makeOrder(RECORDS, 150_000), makeId);
  const update = handle.update ?? handle.set;
  const changed = (record, n) => ({ ...record, priority: n });
  const step = store.asynchronous
    ? async (n) => update(ids[n], changed(await handle.get(ids[n]), n))
    : (n) => update(ids[n], changed(handle.get(ids[n]), n));
  const figures = await measureCalls(step, { warmup: 10_000, count: 100_000, flush: () => handle.flush() });
  await handle.close();
  return figures;
}

export default {
  id: "W3",
  title: "Get and set",
  text: `Get one of ${RECORDS.toLocaleString("en-US")} records at random, set it with one field changed, await.`,
  note: "As W1, and more: the value that is set is copied, so that the next `get()` of the record parses nothing, its previous text is read for the delta (from the end of the log that is kept in memory), and both texts are compared field by field. lmdb keeps no previous value.",
  variants: sizes.map((size) => ({ ...size, records: RECORDS })),
  stores: storeNames,
  floors: { "awaited writeSync": awaitedWrites },
  fixture: ({ records, bytes }) => ({ kind: "snapshot", records, bytes }),
  main: "perSecond",
  run,
  headlines: [
    {
      variant: "180 B",
      figure: "perSecond",
      title: "`get()`, then an awaited `set()` of one field, a second",
    },
  ],
  targets: [
    { variant: "180 B", figure: "perSecond", times: 40, than: "original" },
    { variant: "180 B", figure: "perSecond", times: 1.1, than: "lmdb" },
    { variant: "2 KB", figure: "perSecond", times: 1, than: "lmdb" },
  ],
};
