/** The part of the page that is no workload: the size of the binary. */
import { table } from "./report.mjs";

const kilobytes = (bytes) => Math.round(bytes / 1000).toLocaleString("en");

/** Where the bytes of the binary are, and what other settings of the compiler give. */
export function sizeReport({ commit, platform, bytes, packed, parts, settings }, emptyAddon) {
  const shares = Object.entries(parts).map(([name, size]) => [name, kilobytes(size)]);
  const tried = Object.entries(settings).map(([name, size]) => [name, size.toLocaleString("en")]);
  return [
    `${platform}, commit ${commit}: ${bytes.toLocaleString("en")} bytes; ${packed.toLocaleString("en")} in an archive.`,
    emptyAddon === undefined
      ? ""
      : `An addon with one empty call, built in the same way (\`bench/floors/empty\`): ${emptyAddon.toLocaleString("en")} bytes.`,
    shares.length > 0 ? table(["part", "kB"], shares) : "",
    tried.length > 1 ? table(["setting", "bytes"], tried) : "",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}
