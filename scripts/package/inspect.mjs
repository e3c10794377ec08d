// What a binary is, as far as it can be told without running it: kind, size, what it exports, the libraries that it asks
// for, and the oldest system that it runs on.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { fail, root } from "../setup.mjs";
import { inspectMachO } from "./mach-o.mjs";
import { inspectPortableExecutable } from "./portable-executable.mjs";
import { systemSymbols } from "./zig.mjs";

/**
 * NOTE: the goal was 1,600,000, and is missed. The binary for Linux x64 (glibc) had 3,570,624 bytes when this was set, the largest of all.
 * The rest is room for repairs, not for features: `npm run bench:size` tells where the bytes are.
 */
const MOST_BYTES = 3_700_000;
const SYSTEM = "/usr/lib/libSystem.B.dylib";
const OLDEST_GLIBC = "2.17";
/** What Node calls when it has loaded an addon. */
const ENTRY = "napi_register_module_v1";

/** What `file` says of a platform's binary. */
const kinds = {
  "linux-x64-gnu": /^ELF 64-bit LSB shared object, x86-64/,
  "linux-x64-musl": /^ELF 64-bit LSB shared object, x86-64/,
  "linux-arm64-gnu": /^ELF 64-bit LSB shared object, ARM aarch64/,
  "linux-arm64-musl": /^ELF 64-bit LSB shared object, ARM aarch64/,
  "darwin-x64": /^Mach-O 64-bit .*x86_64/,
  "darwin-arm64": /^Mach-O 64-bit .*arm64/,
  "win32-x64-msvc": /^PE32\+ executable .*x86-64/,
  "win32-arm64-msvc": /^PE32\+ executable .*Aarch64/,
};

/** Libraries that are on every system of a kind. */
const libraries = {
  gnu: /^(lib(c|m|dl|pthread|rt|gcc_s)\.so\.\d+|ld-linux.*)$/,
  musl: /^libc\.(musl-.*\.)?so(\.\d+)?$/,
  darwin: /^\/usr\/lib\/lib(System\.B|iconv\.2|charset\.1|objc\.A)\.dylib$/,
  win32: /^(kernel32|ntdll|bcryptprimitives|api-ms-win-core-synch-.*|api-ms-win-crt-.*)\.dll$/i,
};

/** Paths of the machine that built a binary: nothing of them belongs into it. */
const buildPaths = () =>
  [root, homedir(), process.env.CARGO_HOME].filter((folder) => folder !== undefined && folder.length > 1);

function output(program, args) {
  const { stdout, stderr, status, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error) fail(`${program} is needed to look into binaries: ${error.message}`);
  if (status !== 0) fail(`${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Compares versions such as 2.9 and 2.17. */
const byVersion = (one, other) => one.localeCompare(other, "en", { numeric: true });

/** The libraries that an ELF file asks for, and the newest glibc of which it uses something. */
function inspectElf(binary) {
  const all = (text, pattern) => [...text.matchAll(pattern)].map(([, found]) => found);
  const needed = all(output("readelf", ["-dW", binary]), /\(NEEDED\).*\[(.+)\]/g);
  const versions = all(output("readelf", ["-VW", binary]), /GLIBC_([\d.]+)/g);
  return { needed, glibc: versions.sort(byVersion).at(-1) };
}

/** What is not as it must be in an ELF file. */
function* faultsOfElf(abi, glibc) {
  if (abi === "gnu" && (glibc === undefined || byVersion(glibc, OLDEST_GLIBC) > 0))
    yield `it needs glibc ${glibc}`;
  if (abi === "musl" && glibc !== undefined) yield `it needs glibc ${glibc}`;
}

/** What is not as it must be in a library for macOS. Where it cannot be run, the system's list of symbols is asked. */
function* faultsOfMachO(platform, { name, needed, taken, fault }) {
  if (fault !== undefined) yield fault;
  if (name !== `@rpath/opslog.${platform}.node`) yield `its name is ${name}`;
  const known = systemSymbols(platform.endsWith("x64") ? "x86_64" : "arm64");
  for (const { name: symbol, library } of taken) {
    if (library === undefined) yield `no library is named for ${symbol}`;
    else if (library === SYSTEM && !known.has(symbol)) yield `${SYSTEM} has no ${symbol}`;
  }
  const used = new Set(taken.map(({ library }) => library));
  for (const library of needed) if (!used.has(library)) yield `it needs nothing of ${library}`;
}

function dependencies(platform, binary, content) {
  const [os, , abi] = platform.split("-");
  if (os === "linux") {
    const { needed, glibc } = inspectElf(binary);
    const system = glibc === undefined ? abi : `glibc ${glibc}`;
    return { known: libraries[abi], needed, system, faults: [...faultsOfElf(abi, glibc)] };
  }
  if (os === "darwin") {
    const found = inspectMachO(content);
    const faults = [...faultsOfMachO(platform, found)];
    return { known: libraries.darwin, needed: found.needed, system: `macOS ${found.system}`, faults };
  }
  const { machine, needed, exported, system, fault } = inspectPortableExecutable(content);
  const faults = fault === undefined ? [] : [fault];
  if (!platform.includes(machine)) faults.push(`it is for ${machine}`);
  if (!exported.includes(ENTRY)) faults.push(`it does not export ${ENTRY}`);
  return { known: libraries.win32, needed, system, faults };
}

/** Looks into a platform's binary. `faults` tells what is not as it must be. */
export function inspect(platform, binary) {
  const content = readFileSync(binary);
  const kind = output("file", ["-b", binary]).trim();
  const { known, needed, system, faults } = dependencies(platform, binary, content);
  const size = content.length;
  if (!kinds[platform].test(kind)) faults.push(`it is ${kind}`);
  if (!content.includes(ENTRY)) faults.push(`it has no ${ENTRY}`);
  for (const folder of buildPaths()) if (content.includes(folder)) faults.push(`it names ${folder}`);
  if (size > MOST_BYTES) faults.push(`over ${MOST_BYTES} bytes`);
  const strange = needed.filter((name) => !known.test(name));
  if (strange.length > 0) faults.push(`it needs ${strange.join(", ")}`);
  return { platform, size, kind, needed, system, faults };
}

/** A Markdown table of what was found. */
export function inspectionTable(found) {
  const rows = found.map(({ platform, size, kind, needed, system, faults }) => [
    platform,
    size.toLocaleString("en"),
    kind.split(",", kind.startsWith("ELF") ? 2 : 1).join(","),
    system,
    needed.join(" "),
    faults.length === 0 ? "ok" : faults.join("; "),
  ]);
  const lines = [
    ["platform", "bytes", "kind", "oldest system", "libraries", ""],
    ["---", "---:", "---", "---", "---", "---"],
    ...rows,
  ];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
