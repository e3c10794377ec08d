import { readFiles } from "../floors.mjs";
import { percentile, timed, withLoopDelay } from "../measure.mjs";
import { storeNames } from "../stores/index.mjs";

const WARM = 3;
const keeps = (record) => record.created % 1000 === 7;

async function run({ store, folder, variant }) {
  if (variant.inTurns) return runInTurns({ store, folder, variant });
  const opened = await timed(() => store.open(folder));
  const handle = opened.value;
  const calls = [];
  for (let call = 0; call < 2 + WARM; call += 1) {
    const { ms, value } = await timed(() => handle.filter(keeps));
    if (value.length !== variant.records / 1000) throw new Error(`${value.length} were kept`);
    calls.push(ms);
  }
  await handle.close();
  const [firstMs, secondMs, ...warm] = calls;
  return {
    openAndFirstMs: opened.ms + firstMs,
    secondMs,
    warmMs: percentile(
      warm.sort((a, b) => a - b),
      0.5,
    ),
  };
}

/** The form that leaves other work its turns. */
async function runInTurns({ store, folder, variant }) {
  const { value, loopDelayMs } = await withLoopDelay(() =>
    timed(async () => {
      const handle = await store.open(folder);
      const found = await handle.native.filterAsync(keeps);
      return { handle, found };
    }),
  );
  const { handle, found } = value.value;
  if (found.length !== variant.records / 1000) throw new Error(`${found.length} were kept`);
  await handle.close();
  return { openAndFirstMs: value.ms, loopDelayMs };
}

export default {
  id: "W8",
  title: "Open and filter",
  text: "A fresh open, then a filter that keeps one record of 1,000. Warm: the median of the third call and on.",
  note: "The first call reads lines, joins them to pieces of JSON, and parses them, while another thread makes the next pieces: `JSON.parse` is most of it; only matching objects are kept. The second call makes and keeps all objects. From the third call on it is a loop over a `Map`, as in 0.8.1. Other stores parse each time. `filterAsync()` leaves other work its turns.",
  variants: [
    { name: "100 k", bytes: 180, records: 100_000 },
    { name: "1 M", bytes: 180, records: 1_000_000, repeats: 3, slow: true },
    {
      name: "1 M, filterAsync()",
      bytes: 180,
      records: 1_000_000,
      repeats: 3,
      inTurns: true,
      stores: ["ours"],
      floors: [],
    },
    { name: "100 k, 2 KB", bytes: 2048, records: 100_000, repeats: 3 },
    { name: "20 k, 2 KB", bytes: 2048, records: 20_000 },
  ],
  stores: storeNames,
  absent: { nedb: { "1 M": "it keeps all in memory and takes minutes" } },
  floors: { "reading the files": async (context) => ({ openAndFirstMs: (await readFiles(context)).ms }) },
  fixture: ({ records, bytes }) => ({ kind: "snapshot", records, bytes }),
  figures: { openAndFirstMs: "open and first call, ms", secondMs: "second call, ms", warmMs: "warm, ms" },
  main: "openAndFirstMs",
  run,
  headlines: [{ variant: "1 M", figure: "openAndFirstMs", title: "open 1 M records and filter them, ms" }],
  targets: [
    { variant: "1 M", figure: "openAndFirstMs", atMost: 1000 },
    { variant: "1 M", figure: "openAndFirstMs", times: 1.7, than: "original" },
    { variant: "1 M, filterAsync()", figure: "loopDelayMs", atMost: 20 },
    { variant: "1 M", figure: "warmMs", times: 1, than: "original" },
    { variant: "20 k, 2 KB", figure: "warmMs", times: 1, than: "original" },
    { variant: "100 k", figure: "openAndFirstMs", times: 1.7, than: "original" },
    { variant: "100 k", figure: "warmMs", times: 1, than: "original" },
  ],
};
