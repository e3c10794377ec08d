// Two copies of the package in one process, on one folder: what the one holds, the other is refused, and can read.

const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const one = require("./one");
const other = require("./other");

async function works() {
  if (one.Store === other.Store) return "there is one copy only";
  const folder = mkdtempSync(join(tmpdir(), "opslog-copies-"));
  const writer = new one.Store();
  await writer.open(folder);
  await writer.set("a", { n: 1 });
  const refused = await new other.Store().open(folder).then(
    () => "nothing",
    ({ code }) => code,
  );
  const reader = new other.Store();
  await reader.open(folder, { readOnly: true });
  const read = reader.get("a")?.n;
  await reader.close();
  await writer.close();
  rmSync(folder, { recursive: true });
  return refused === "OPSLOG_LOCKED" && read === 1
    ? "works"
    : `the other copy got ${refused} and read ${read}`;
}

works().then(console.log);
