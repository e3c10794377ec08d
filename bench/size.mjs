/**
 * `npm run bench:size`: where the bytes of the binary for this machine are, by folders of src/ and sections of the file, and how large it is
 * with other settings of the compiler. With `--write` into docs/; with `--as-it-is` without the other settings, each of which takes a build.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildAddon, cargoArguments } from "../scripts/build.mjs";
import { fail, requireBenchModules, requireCargo, requireNode } from "../scripts/setup.mjs";
import { sizeReport } from "./parts.mjs";
import { publish } from "./publication.mjs";
import { keep, origin, project } from "./results.mjs";

const { platformTriple } = createRequire(import.meta.url)("../lib/native/index.js");
const target = join(project, "target/size");
/** Less than this many bytes of a part are told together with others. */
const SMALL = 20_000;

const withInlining = (once, hinted) => (args) =>
  args.map((each) =>
    each
      .replace(/-inline-threshold=\d+/, `-inline-threshold=${once}`)
      .replace(/-inlinehint-threshold=\d+/, `-inlinehint-threshold=${hinted}`),
  );

/** Arguments in which one is another: those of rustc stand behind "-C", each by itself. */
const changed = (one, other) => (args) => args.map((each) => (each === one ? other : each));

/** Other settings, as changes of cargo's environment and of its arguments. */
const settings = {
  'opt-level = "s"': { env: { CARGO_PROFILE_RELEASE_OPT_LEVEL: "s" } },
  'opt-level = "z"': { env: { CARGO_PROFILE_RELEASE_OPT_LEVEL: "z" } },
  "opt-level = 3": { env: { CARGO_PROFILE_RELEASE_OPT_LEVEL: "3" } },
  "inlining thresholds 0 and 100": { change: withInlining(0, 100) },
  "inlining thresholds 225 and 325, LLVM's own": { change: withInlining(225, 325) },
  "no frame pointers": { change: changed("force-frame-pointers=yes", "force-frame-pointers=no") },
  "loops made wide and unrolled": {
    change: (args) =>
      changed(
        "no-vectorize-loops",
        "force-frame-pointers=yes",
      )(args).map((each) => each.replace(" -unroll-runtime=false", "")),
  },
  "LLVM's machine outliner": {
    change: (args) =>
      args.map((each) => (each.startsWith("llvm-args=") ? `${each} -enable-machine-outliner` : each)),
  },
};

/** Builds the addon and returns the file, which the next build overwrites. */
function build({ env = {}, change = (args) => args } = {}) {
  const { status } = spawnSync("cargo", change(cargoArguments()), {
    cwd: project,
    env: { ...process.env, CARGO_TARGET_DIR: target, ...env },
    stdio: "inherit",
  });
  if (status !== 0) fail("The addon could not be built.");
  return join(target, "release/libopslog.so");
}

const output = (program, ...args) => execFileSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });

/** To which part a function belongs: a folder of src/, this package's copies of the standard library, or another crate. */
function partOf(symbol) {
  const own = /\bopslog::(\w+)/.exec(symbol);
  if (own) return `src/${own[1]}`;
  if (/\b(std|core|alloc|gimli|addr2line|rustc_demangle|miniz_oxide)::/.test(symbol))
    return "Rust's standard library";
  const crate = /^<?(?:&?(?:mut )?)*([a-z_]\w*)::/.exec(symbol);
  return crate ? `the crate ${crate[1]}` : "other code";
}

/** Bytes by part: machine code by where it comes from, and the sections that are no code. */
function partsOf(binary) {
  const code = new Map();
  for (const line of output("nm", "-S", "-C", "--defined-only", binary).split("\n")) {
    const [, size, symbol] = /^\w+ (\w+) [tTwW] (.+)$/.exec(line) ?? [];
    if (symbol === undefined) continue;
    const part = partOf(symbol);
    code.set(part, (code.get(part) ?? 0) + Number.parseInt(size, 16));
  }
  const sections = new Map();
  const titles = {
    ".eh_frame": "tables for unwinding",
    ".gcc_except_table": "tables for unwinding",
    ".eh_frame_hdr": "tables for unwinding",
  };
  const others = {
    ".rodata": "constants",
    ".rela.dyn": "relocations",
    ".data.rel.ro": "relocated constants",
  };
  for (const line of output("size", "-A", "-d", binary).split("\n")) {
    const [, name, size] = /^(\.\S+)\s+(\d+)/.exec(line) ?? [];
    const title = { ...titles, ...others }[name];
    if (title) sections.set(title, (sections.get(title) ?? 0) + Number(size));
  }
  const sorted = [...code].sort(([, one], [, other]) => other - one);
  const large = sorted.filter(([, size]) => size >= SMALL);
  const rest = sorted.filter(([, size]) => size < SMALL).reduce((sum, [, size]) => sum + size, 0);
  return Object.fromEntries([...large, ["other folders and crates", rest], ...sections]);
}

requireNode();
requireCargo();
if (process.platform !== "linux") fail("The size is measured on Linux.");
const kept = mkdtempSync(join(tmpdir(), "opslog-size-"));
try {
  mkdirSync(target, { recursive: true });
  const parts = partsOf(build({ env: { CARGO_PROFILE_RELEASE_STRIP: "none" } }));
  const stripped = join(kept, "as-it-is.so");
  copyFileSync(buildAddon(), stripped);
  const bytes = statSync(stripped).size;
  const packed = gzipSync(readFileSync(stripped), { level: 9 }).length;
  const tried = { "as it is": bytes };
  const others = process.argv.includes("--as-it-is") ? [] : Object.entries(settings);
  for (const [name, setting] of others) tried[name] = statSync(build(setting)).size;
  const found = { ...origin(), platform: platformTriple(), bytes, packed, parts, settings: tried };
  console.log(sizeReport(found));
  if (process.argv.includes("--write")) {
    requireBenchModules();
    await keep("size", found);
    await publish();
  }
} finally {
  rmSync(kept, { recursive: true, force: true });
}
