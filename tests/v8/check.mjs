// Checks the cases that tests/v8_differential.rs sends on stdin against V8 and against the published 0.8.1,
// whose folder is the first argument. Prints what differs and exits with 1 if anything does.
import { isDeepStrictEqual } from "node:util";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const reference = process.argv[2];
const load = (name) => import(pathToFileURL(join(reference, "dist", name)).href);
const [validate, delta, snapshot, archive] = reference
  ? await Promise.all(["validate.js", "delta.js", "snapshot.js", "archive.js"].map(load))
  : [];
const OURS = ["prevValue", "version", "batch", "cuts", "after"];
/** Where our integers end, as a double. */
const LIMIT = 2 ** 64;
const folder = mkdtempSync(join(tmpdir(), "opslog-v8-"));
mkdirSync(join(folder, "archive"));

const text = (bytes) => bytes.toString("utf8");
const units = (bytes) => bytes.toString("utf16le");
const print = (bytes) => JSON.stringify(JSON.parse(text(bytes)));

/** The value, or the failure, of a function. */
function attempt(fn) {
  try {
    return { value: fn() };
  } catch (error) {
    return { error };
  }
}

/** Throws unless the two are equal. */
function same(what, ours, theirs) {
  if (!isDeepStrictEqual(ours, theirs)) {
    throw new Error(`${what}: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}`);
  }
}

/** Compares acceptance, and tells whether there is more to compare. */
function accepted(answer, result) {
  same("accepted", text(answer), result.error ? "no" : "yes");
  return !result.error;
}

const isPlainObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** The fields of a manifest that this package has added. */
const OF_OURS = [
  ...[
    "generation",
    "clock",
    "previousOps",
    "previousEnd",
    "departures",
    "superseded",
    "pruned",
    "logVersions",
  ],
  ...[
    "formerVersions",
    "logEnds",
    "lineage",
    "stamp",
    "ancestors",
    "writer",
    "sessions",
    "quiet",
    "retired",
    "fenced",
  ],
];

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** A value as text, whatever the order of its fields. */
function sorted(value) {
  const inOrder = (object) => Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify(value, (_, part) => (isObject(part) ? Object.fromEntries(inOrder(part)) : part));
}

const topics = {
  validity(input, answer) {
    accepted(
      answer,
      attempt(() => JSON.parse(text(input))),
    );
  },
  canonical(input, answer) {
    const decoded = text(input);
    const printed = attempt(() => JSON.stringify(JSON.parse(decoded))).value;
    same("canonical", text(answer) === "yes", printed === decoded && Buffer.from(decoded).equals(input));
  },
  unescape(quoted, decoded) {
    same("decoded", units(decoded), JSON.parse(text(quoted)));
  },
  escape(string, printed) {
    same("printed", text(printed), JSON.stringify(units(string)));
  },
  layout(input, pretty) {
    same("pretty", text(pretty), JSON.stringify(JSON.parse(text(input)), null, 2));
  },
  "same value"(input, output) {
    same("value", print(output), print(input));
  },
  timestamp(ms, iso) {
    same("timestamp", text(iso), new Date(Number(text(ms))).toISOString());
  },
  trim(input, trimmed) {
    same("trimmed", text(trimmed), text(input).trim());
  },
  line(
    line,
    answer,
    ts,
    op,
    id,
    data,
    prev,
    encoding,
    agent,
    clock,
    batch,
    cuts,
    after,
    prevValue,
    version,
    shown,
  ) {
    const result = attempt(() => validate.validateOp(JSON.parse(text(line))));
    if (!accepted(answer, result)) return;
    const theirs = result.value;
    same("ts", units(ts), theirs.ts);
    same("op", text(op), theirs.op);
    same("id", units(id), theirs.id);
    same("data", data.length ? print(data) : undefined, JSON.stringify(theirs.data));
    same("prev", print(prev), JSON.stringify(theirs.prev));
    same("encoding", encoding.length > 0, theirs.encoding === "delta");
    same("agent", agent.length ? units(agent) : undefined, theirs.agent);
    const theirClock = "clock" in theirs ? Math.min(theirs.clock, LIMIT) + 0 : undefined;
    same("clock", clock.length ? Number(text(clock)) : undefined, theirClock);
    marks(theirs, text(batch), Number(text(cuts)), text(after));
    const replaced =
      "prevValue" in theirs &&
      theirs.encoding !== "delta" &&
      !isPlainObject(theirs.prevValue) &&
      theirs.prev !== null &&
      Object.keys(theirs.prev).length === 0;
    same(
      "prevValue",
      prevValue.length ? print(prevValue) : undefined,
      replaced ? JSON.stringify(theirs.prevValue) : undefined,
    );
    const isVersion = Number.isInteger(theirs.version) && theirs.version >= 1 && theirs.version < 2 ** 32;
    same(
      "version",
      version.length ? Number(text(version)) : undefined,
      isVersion ? theirs.version : undefined,
    );
    if (replaced) theirs.prev = theirs.prevValue;
    for (const name of OURS) delete theirs[name];
    same("shown", print(shown), JSON.stringify(theirs));
  },
  written(line) {
    same("canonical", text(line), print(line));
    const fields = Object.keys(validate.validateOp(JSON.parse(text(line))));
    const order = ["ts", "op", "id", "prev", "data", "agent", "clock", "encoding", ...OURS];
    same(
      "order",
      fields,
      order.filter((name) => fields.includes(name)),
    );
  },
  delta(old, now, answer, patch, back) {
    const [before, after] = [JSON.parse(text(old)), JSON.parse(text(now))];
    // There, 0.8.1 sees the prototype; ours treats such fields as any other.
    if ([...Object.keys(before), ...Object.keys(after)].some((key) => key in Object.prototype)) return;
    const theirs = delta.createDelta(before, after);
    const use = delta.isDeltaSmaller(theirs, before);
    same("smaller", text(answer) === "yes", use);
    if (!use) return;
    same("patch", text(patch), JSON.stringify(theirs));
    same("applied", text(back), JSON.stringify(delta.applyDelta(after, theirs)));
  },
  apply(current, patch, applied) {
    if (Object.keys(JSON.parse(text(patch)).$set).includes("__proto__")) return;
    const theirs = delta.applyDelta(JSON.parse(text(current)), JSON.parse(text(patch)));
    same("applied", text(applied), JSON.stringify(theirs));
  },
  manifest(input, answer, printed) {
    const result = attempt(() => JSON.parse(text(input)));
    const checked = result.error ? result : attempt(() => validate.validateManifest(result.value));
    if (!accepted(answer, checked)) {
      const rule = result.error ? "" : checked.error.message.replace("Invalid manifest: ", "");
      same("rule", text(printed), rule);
      return;
    }
    const theirs = checked.value;
    const known = {};
    const saturated = (value) => (typeof value === "number" ? Math.min(value, LIMIT) + 0 : value);
    for (const name of ["version", "currentSnapshot", "activeOps", "activeAgentOps", "archiveSegments"]) {
      if (name in theirs) known[name] = saturated(theirs[name]);
    }
    known.stats = {};
    for (const name of ["activeRecords", "archivedRecords", "opsCount", "created", "lastCheckpoint"]) {
      known.stats[name] = saturated(theirs.stats[name]);
    }
    const ours = JSON.parse(text(printed));
    for (const name of OF_OURS) delete ours[name];
    // Fields that neither version knows are kept as they stand, whatever V8 would make of their keys and numbers.
    const keep = (from, into) => {
      const others = Object.keys(from).filter((name) => !(name in into) && !OF_OURS.includes(name));
      for (const name of others) into[name] = from[name];
      return others.length;
    };
    const kept = keep(theirs, known) + keep(theirs.stats, known.stats);
    if (kept === 0) same("layout", text(printed), JSON.stringify(JSON.parse(text(printed)), null, 2));
    same("fields", sorted(ours), sorted(known));
  },
  async snapshot(content, answer, version, ...records) {
    writeFileSync(join(folder, "snapshot"), content);
    const result = await snapshot.loadSnapshot(folder, "snapshot").then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
    // Ours refuses what 0.8.1 loads under an id that is no string.
    if (result.value && [...result.value.records.keys()].some((id) => typeof id !== "string")) return;
    if (text(answer) === "no" && idsAreOdd(content)) return;
    if (!accepted(answer, result)) return;
    const theirs = result.value.version;
    same(
      "version",
      version.length ? Number(text(version)) : undefined,
      typeof theirs === "number" ? theirs : undefined,
    );
    const ours = pairs(records).map(([id, value]) => [id, value.length ? print(value) : undefined]);
    same(
      "records",
      ours,
      [...result.value.records].map(([id, value]) => [id, JSON.stringify(value)]),
    );
  },
  async archive(existing, answer, merged, ...records) {
    rmSync(join(folder, "archive/archive-2026-Q1.json"), { force: true });
    if (existing.length) writeFileSync(join(folder, "archive/archive-2026-Q1.json"), existing);
    const { toISOString } = Date.prototype;
    Date.prototype.toISOString = () => "1970-01-01T00:00:00.000Z";
    const given = new Map(pairs(records).map(([id, value]) => [id, JSON.parse(text(value))]));
    const result = await archive.writeArchiveSegment(folder, "2026-Q1", given).then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
    Date.prototype.toISOString = toISOString;
    if (!accepted(answer, result)) return;
    const theirs = readFileSync(join(folder, "archive/archive-2026-Q1.json"), "utf8");
    // Damage that still is a segment may leave tokens that V8 spells in another way.
    same("value", print(merged), JSON.stringify(JSON.parse(theirs)));
    const tokens = attempt(() => JSON.stringify(JSON.parse(text(existing)), null, 2)).value;
    if (!existing.length || tokens === text(existing)) same("file", text(merged), theirs);
  },
};

/** Compares our marks, where we saw one, with the fields. */
function marks(theirs, batch, cuts, after) {
  if (batch) same("batch", batch, theirs.batch);
  const isCount = Number.isInteger(theirs.cuts) && theirs.cuts >= 0;
  same("cuts", cuts, isCount ? Math.min(theirs.cuts, LIMIT) + 0 : 0);
  if (after) same("after", after, theirs.after);
}

/** Whether a record's line of a snapshot has an id that is no string, also one that a later line hides. */
function idsAreOdd(content) {
  const lines = text(content).split("\n").slice(1);
  return lines.some((line) => {
    const { value, error } = attempt(() => JSON.parse(line.trim()));
    return !error && value !== null && typeof value?.id !== "string";
  });
}

function pairs(list) {
  const found = [];
  for (let at = 0; at < list.length; at += 2) found.push([units(list[at]), list[at + 1]]);
  return found;
}

function* frames(bytes) {
  let at = 0;
  const next = () => {
    at += 4;
    return bytes.readUInt32LE(at - 4);
  };
  while (at < bytes.length) {
    const frame = [];
    for (let left = next(); left > 0; left--) {
      const length = next();
      frame.push(bytes.subarray(at, at + length));
      at += length;
    }
    yield frame;
  }
}

const counts = {};
let different = 0;
for (const [topic, ...input] of frames(readFileSync(0))) {
  const name = text(topic);
  counts[name] = (counts[name] ?? 0) + 1;
  try {
    await topics[name](...input);
  } catch (error) {
    different++;
    if (different <= 10)
      console.log(
        `${name}: ${error.message.slice(0, 500)}\n  input ${JSON.stringify(text(input[0])).slice(0, 500)}\n  bytes ${input[0].toString("hex").slice(0, 1000)}`,
      );
  }
}
rmSync(folder, { recursive: true });
console.log(`${different} of ${JSON.stringify(counts)} differ`);
process.exitCode = different > 0 ? 1 : 0;
