/** The parts of the page that are not workloads: the floors of a batch, and the size of the binary. */
import { table } from "./report.mjs";
import { showOrigin } from "./results.mjs";

/** Each row does what the one before does, and one thing more. */
export function floorsReport({ origin, repeats, rows }) {
  const lines = Object.entries(rows).map(([name, sizes]) => [
    name,
    ...Object.values(sizes).map((us) => us.toFixed(2)),
  ]);
  const sizes = Object.keys(Object.values(rows)[0]);
  return `${showOrigin(origin)}; medians of ${repeats} runs in turns.\n\n${table(["us a record", ...sizes], lines)}`;
}

const kilobytes = (bytes) => Math.round(bytes / 1000).toLocaleString("en");

/** Where the bytes of the binary are, and what other settings of the compiler give. */
export function sizeReport({ commit, platform, bytes, packed, parts, settings }) {
  const shares = Object.entries(parts).map(([name, size]) => [name, kilobytes(size)]);
  const tried = Object.entries(settings).map(([name, size]) => [name, size.toLocaleString("en")]);
  return [
    `${platform}, commit ${commit}: ${bytes.toLocaleString("en")} bytes; ${packed.toLocaleString("en")} in an archive.`,
    shares.length > 0 ? table(["part", "kB"], shares) : "",
    tried.length > 1 ? table(["setting", "bytes"], tried) : "",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}
