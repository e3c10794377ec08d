/** The parts of the page that are no workload: the size of the binary, and other versions of Node. */
import { show, showTimes } from "./figures.mjs";
import { table } from "./report.mjs";
import { showOrigin } from "./results.mjs";
import { titleOf } from "./stores/index.mjs";
import { comparisons } from "./summary.mjs";

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

/** The same workloads on other versions of Node, beside those of the usual one: how many a second, and how that compares. */
export function nodesReport(workloads, { nodes, results }) {
  const majors = Object.keys(nodes);
  if (majors.length === 0) return "";
  const ids = new Set(majors.flatMap((major) => Object.keys(nodes[major].results)));
  const meant = workloads.filter(({ id }) => ids.has(id));
  const usual = results.origins[meant[0].id].node;
  const all = [...majors.map((major) => [nodes[major].node, nodes[major].results]), [usual, results.results]];
  const columns = all.map(([, found]) => comparisons(meant, found));
  const rows = columns.at(-1).map(({ id, title }) => {
    const cells = columns.map((column) => {
      const { ours, peer, original } = column.find((each) => each.id === id && each.title === title) ?? {};
      if (ours === undefined) return "";
      const beside = [
        peer && `${showTimes(peer.times)} ${titleOf(peer.name)}`,
        original && `${showTimes(original)} 0.8.1`,
      ];
      return [show(ours), ...beside.filter(Boolean)].join("; ");
    });
    return [id, title, ...cells];
  });
  const said = majors.map((major) => showOrigin(nodes[major])).join("; ");
  return `${said}; once each.\n\n${table(["", "per second", ...all.map(([node]) => `Node ${node}`)], rows)}`;
}
