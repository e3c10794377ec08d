// What a binary is, as far as it can be told without running it: kind, size, the libraries that it asks for, and
// the oldest C library that it runs with.

import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { fail } from "../setup.mjs";

const MOST_BYTES = 1.5 * 1024 * 1024;
const OLDEST_GLIBC = "2.17";

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
};

function output(program, args) {
  const { stdout, stderr, status, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error) fail(`${program} is needed to look into binaries: ${error.message}`);
  if (status !== 0) fail(`${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Compares versions such as 2.9 and 2.17. */
const byVersion = (one, other) => one.localeCompare(other, "en", { numeric: true });

function dependencies(platform, binary) {
  if (!platform.startsWith("linux")) return { needed: [], glibc: null };
  const needed = [...output("readelf", ["-dW", binary]).matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(
    ([, name]) => name,
  );
  const versions = [...output("readelf", ["-VW", binary]).matchAll(/GLIBC_([\d.]+)/g)].map(
    ([, version]) => version,
  );
  return { needed, glibc: versions.sort(byVersion).at(-1) ?? null };
}

/** Looks into a platform's binary. `faults` tells what is not as it must be. */
export function inspect(platform, binary) {
  const { size } = statSync(binary);
  const kind = output("file", ["-b", binary]).trim();
  const { needed, glibc } = dependencies(platform, binary);
  const faults = [];
  if (!kinds[platform].test(kind)) faults.push(`it is ${kind}`);
  if (size > MOST_BYTES) faults.push(`over ${MOST_BYTES} bytes`);
  if (platform.endsWith("-gnu") && (glibc === null || byVersion(glibc, OLDEST_GLIBC) > 0)) {
    faults.push(`it needs glibc ${glibc}`);
  }
  if (platform.endsWith("-musl") && glibc !== null) faults.push(`it needs glibc ${glibc}`);
  const known = libraries[platform.split("-").at(-1)];
  const strange = known === undefined ? [] : needed.filter((name) => !known.test(name));
  if (strange.length > 0) faults.push(`it needs ${strange.join(", ")}`);
  return { platform, size, kind, needed, glibc, faults };
}

/** A Markdown table of what was found. */
export function inspectionTable(found) {
  const rows = found.map(({ platform, size, kind, needed, glibc, faults }) => [
    platform,
    size.toLocaleString("en"),
    kind.split(",").slice(0, 2).join(","),
    glibc ?? "",
    needed.join(" "),
    faults.length === 0 ? "ok" : faults.join("; "),
  ]);
  const lines = [
    ["platform", "bytes", "kind", "glibc", "libraries", ""],
    ["---", "---:", "---", "---", "---", "---"],
    ...rows,
  ];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
