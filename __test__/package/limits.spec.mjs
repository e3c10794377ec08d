/** The numbers of the code that stand in the documents: limits, times, sizes of pages. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { documentNames, root } from "../helpers/documents.mjs";

const read = (name) => readFile(join(root, name), "utf8");

/** What an expression of the code comes to: `1 << 20`, `10_000`, `60 * 1000`. */
function evaluate(text) {
  const factors = text.replaceAll("_", "").split("*");
  return factors
    .map((factor) => factor.split("<<").map((part) => Number(part.replace(/usize|u32|u64/, ""))))
    .map(([value, shift = 0]) => value * 2 ** shift)
    .reduce((product, value) => product * value, 1);
}

/** The value of a constant, `const NAME: type = value` or `name: value`. */
async function constant(file, name) {
  const text = await read(file);
  const [, value] =
    new RegExp(`\\b${name}(?:: [A-Za-z0-9]+)?(?: =|:) (?:Duration::from_millis\\()?([\\de_ <*]+)`).exec(
      text,
    ) ?? [];
  if (value === undefined) throw new Error(`${file} has no ${name}`);
  return evaluate(value.trim());
}

const shown = (number) => number.toLocaleString("en-US");
const inSeconds = (ms) => String(ms / 1000);
const inKilobytes = (bytes) => shown(bytes / 2 ** 10);
const inMegabytes = (bytes) => String(bytes / 2 ** 20);

/** A constant, how it is shown, and the places that show it: `#` stands for the number. */
const limits = [
  [
    "lib/arguments/paths.js",
    "NAME_LIMIT_BYTES",
    shown,
    {
      "docs/api.md": "at most # bytes, no slash",
      "docs/differences.md": "at most # bytes, not empty",
      "SECURITY.md": "- # bytes for an `agentId`",
    },
  ],
  ["lib/arguments/progress.js", "LOOK_EVERY_MS", shown, { "docs/api.md": "at most every # ms" }],
  [
    "src/patience.rs",
    "SECONDS",
    shown,
    {
      "docs/errors.md": "has kept the folder's lock for # seconds",
      "docs/multi-writer.md": "keeps a lock for # seconds",
      "docs/guide/sync-two-processes.md": "after # seconds",
    },
  ],
  [
    "lib/backend/driver.js",
    "CHECKPOINT_WAIT_MS",
    inSeconds,
    { "docs/differences.md": "wait for the compaction lock** for # seconds" },
  ],
  ["src/history/remembered.rs", "REMEMBERED", shown, { "docs/errors.md": "than a follower remembers (#;" }],
  ["src/wal/cursor.rs", "REMEMBERED", shown, { "docs/errors.md": "of an agent #)" }],
  [
    "lib/folder/checkpoints.js",
    "FIRST_BACKOFF_MS",
    inSeconds,
    { "docs/errors.md": "tried again after # second," },
  ],
  [
    "src/transition/folder.rs",
    "KEEP_SUPERSEDED_MS",
    inSeconds,
    {
      "docs/format.md": "in `superseded` for # seconds or more",
      "docs/write-modes.md": "comes at least # seconds later",
      "docs/retention.md": "if superseded for # seconds",
    },
  ],
  [
    "src/binding/mod.rs",
    "INDEX_FROM_BYTES",
    inMegabytes,
    {
      "docs/format.md": "A snapshot of # MB or more has an index file",
      "docs/queries.md": "a snapshot of # MB or more lies in a file",
      "docs/s3.md": "each snapshot of # MiB or more",
    },
  ],
  ["src/format/index.rs", "PAGE", shown, { "docs/format.md": "pages have # bytes.\n\n| page 0" }],
  ["src/format/index.rs", "TAIL", shown, { "docs/format.md": "CRC-32 of the last # of those bytes" }],
  ["src/format/tree.rs", "PAGE", shown, { "docs/format.md": "pages have # bytes. The first" }],
  ["src/format/ids.rs", "BLOCK", shown, { "docs/format.md": "Blocks of # bytes follow" }],
  ["src/format/ids.rs", "ENTRY", shown, { "docs/format.md": "entries of # bytes" }],
  ["src/format/ids.rs", "TAIL", shown, { "docs/format.md": "CRC-32 of the last # bytes of the log" }],
  ["src/history/ids.rs", "FROM_BYTES", inKilobytes, { "docs/format.md": "at least # KiB and at most" }],
  ["src/format/ids.rs", "LARGEST", (bytes) => String(bytes / 2 ** 30), { "docs/format.md": "at most # GiB" }],
  ["src/query/definition.rs", "LONGEST", shown, { "docs/format.md": "Keys are\ncut at # bytes" }],
  [
    "src/query/definition.rs",
    "MOST_COMBINED",
    shown,
    {
      "docs/format.md": "A record with more than # combinations of keys",
      "docs/queries.md": "more than # combinations",
    },
  ],
  ["src/query/bounds.rs", "MOST", shown, { "docs/queries.md": "values with more than # bytes" }],
  ["src/query/key.rs", "DEPTH", shown, { "docs/queries.md": "compared to a depth of #" }],
  ["src/format/manifest/lineage.rs", "LINEAGE", shown, { "docs/format.md": "The last # generations" }],
  [
    "src/transition/folder.rs",
    "LOG_ENDS",
    shown,
    { "docs/format.md": "For the last # logs that `previousOps`" },
  ],
  ["src/transition/backend.rs", "ANCESTORS", shown, { "docs/format.md": "stamps of the last # manifests" }],
  [
    "src/transition/backend.rs",
    "RETIRED_LIMIT",
    shown,
    {
      "docs/format.md": "The last snapshots, about # logs",
      "docs/s3.md": "the last # logs",
    },
  ],
  [
    "src/transition/backend.rs",
    "FENCED_LIMIT",
    shown,
    { "docs/format.md": "for the last # logs whose place" },
  ],
  [
    "src/engine/index/paged.rs",
    "MOST_HELD",
    (pages) => inMegabytes(pages * 1024),
    { "ARCHITECTURE.md": "one of up to # MB is held" },
  ],
  ["src/store/reading/runs.rs", "PLACES", (places) => shown(places / 2), { "index.d.ts": "for each # ids" }],
  [
    "lib/backend/driver.js",
    "KEPT_IN_MEMORY_BYTES",
    inMegabytes,
    { "docs/history.md": "keeps the last # MB of its log", "index.d.ts": "keeps the last # MB of its log" },
  ],
  ["lib/records/records.js", "FEW", shown, { "docs/queries.md": "of more than # records" }],
  ["lib/folder/agents-lock.js", "MOST_ALONE", shown, { "docs/queries.md": "up to # of them" }],
  [
    "lib/s3/large-objects.js",
    "PIECE_BYTES",
    inMegabytes,
    { "docs/s3.md": "longer than # MiB goes up in parts" },
  ],
  ["lib/s3/roll-ups.js", "FAN", shown, { "docs/s3.md": "Behind every #th append" }],
  ["lib/s3/log-reader.js", "MANY", (count) => shown(count + 1), { "docs/s3.md": "from # appends on" }],
  [
    "lib/s3/options.js",
    "graceMs",
    (ms) => (ms === 3_600_000 ? "an hour" : `${ms} ms`),
    { "docs/s3.md": "`graceMs` (#)" },
  ],
  [
    "ui/server/records/listing.mjs",
    "MOST_SORTED",
    shown,
    { "docs/ui.md": "the first # records of its order" },
  ],
  [
    "src/store/mod.rs",
    "SMALL_SNAPSHOT",
    inMegabytes,
    { "docs/write-modes.md": "if the snapshot has # MB or more" },
  ],
  ["src/store/mod.rs", "AGENTS_LOG_AT_LEAST", inKilobytes, { "docs/differences.md": "has logged # KB" }],
  [
    "src/store/agents/follow.rs",
    "MUCH_SOON",
    inKilobytes,
    { "docs/multi-writer.md": "event loop if that is # KB or more" },
  ],
  [
    "src/store/agents/transaction.rs",
    "MOST_AT_ONCE",
    inKilobytes,
    { "docs/multi-writer.md": "and no more than # KB" },
  ],
  ["src/store/agents/follow.rs", "MUCH", inKilobytes, { "docs/multi-writer.md": "if that is # KB or more" }],
  [
    "scripts/ui/build.mjs",
    "MOST_BYTES",
    (bytes) => String(bytes / 1000),
    { "docs/ui.md": "above # KB in all" },
  ],
  ["scripts/package/inspect.mjs", "MOST_BYTES", shown, { "docs/reliability-report.md": "is over # bytes" }],
  ["cli/terminal/size.mjs", "ROWS", shown, { "docs/command-line.md": "lists end after # rows" }],
  ["src/lock/contest.rs", "SETTLING", shown, { "docs/format.md": "; # ms later it" }],
  ["campaigns/s3/simulated-bucket.mjs", "MEDIAN_MS", shown, { "docs/s3.md": "take no more than # ms" }],
  [
    "__test__/store/memory.spec.mjs",
    "LIMIT_BYTES",
    (bytes) => String(bytes / 1e6),
    { "docs/durability.md": "grow the process by less than # MB" },
  ],
  [
    "__test__/store/memory.spec.mjs",
    "LIMIT_OF_A_CALL",
    shown,
    { "docs/durability.md": "less than # bytes of V8's heap" },
  ],
];

for (const [file, name, show, places] of limits) {
  for (const [document, sentence] of Object.entries(places)) {
    test(`"${sentence.replace("\n", " ")}" in ${document}, has the ${name} of ${file}`, async (t) => {
      const told = sentence.replace("#", show(await constant(file, name)));
      t.true((await read(document)).includes(told), told);
    });
  }
}

/** Numbers with units that are neither a limit above nor measured: inputs of tests and campaigns, limits of others, prices. */
const inputs = {
  "SECURITY.md": ["512 MB"],
  "CONTRIBUTING.md": ["500 MB"],
  "docs/durability.md": ["4 kB"],
  "docs/migration.md": ["1 MB"],
  "docs/performance.md": ["2 KB", "1 ms"],
  "docs/reliability-report.md": ["100 MB"],
  "docs/s3.md": ["0.005 dollars", "0.023 dollars", "At 20 ms", "100 ms", "20 MB", "200 MB"],
};
/** This page names limits of 0.8.1 and titles of tests, whose own tests hold them. */
const checkedElsewhere = new Set(["docs/differences.md", "CHANGELOG.md"]);

test("a number with a unit in the documents, stands in a block that a command writes, or is a limit or an input that is named here", async (t) => {
  const known = new Map(Object.entries(inputs).map(([document, texts]) => [document, [...texts]]));
  for (const [file, name, show, places] of limits)
    for (const [document, sentence] of Object.entries(places)) {
      const list = known.get(document) ?? [];
      known.set(document, [...list, sentence.replace("#", show(await constant(file, name)))]);
    }
  // Of README.md another test compares them with the benchmark.
  for (const document of (await documentNames()).filter((name) => name !== "README.md")) {
    if (checkedElsewhere.has(document)) continue;
    const text = (await read(document))
      .replaceAll(/<!-- measured:(\S+) -->[^]*?<!-- \/measured:\1 -->/g, "")
      .replaceAll(/```[^]*?```/g, "");
    const isKnown = (figure) => known.get(document)?.some((sentence) => sentence.includes(figure));
    const figures = text.match(/\b\d[\d,.]*\s(?:[KMG]i?B|kB|ms|us|%|times faster|dollars)\b/g) ?? [];
    t.deepEqual(
      figures.filter((figure) => !isKnown(figure)),
      [],
      document,
    );
  }
});
