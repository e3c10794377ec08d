import { fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { startPart } from "../../children.mjs";
import { loadStore } from "../../stores/index.mjs";
import workload from "../../workloads/w12-tail.mjs";
import { filesOf, groupOf } from "../group.mjs";

const TICK_MS = 10;

/** What is new in the log at each look, as objects: `read` is called with the file and how far it was read. */
const followed = (parse) => async (context) => {
  const { folder, variant } = context;
  const other = startPart({ ...context, store: await loadStore("ours") }, "writer");
  await other.heard();
  const fd = openSync(filesOf(folder).log, "r");
  const cpu = process.cpuUsage();
  const buffer = Buffer.alloc(1 << 22);
  let [at, lines] = [0, 0];
  other.send("go");
  while (lines < variant.operations) {
    await delay(TICK_MS);
    const { size } = fstatSync(fd);
    if (size === at) continue;
    const given = readSync(fd, buffer, 0, Math.min(buffer.length, size - at), at);
    const end = buffer.lastIndexOf(10, given - 1) + 1;
    at += end;
    lines += parse(buffer, end);
  }
  const { user, system } = process.cpuUsage(cpu);
  other.send("end");
  await other.ended;
  return { cpuMs: (user + system) / 1000 };
};

function counted(buffer, end) {
  let lines = 0;
  for (let at = buffer.indexOf(10); at >= 0 && at < end; at = buffer.indexOf(10, at + 1)) lines += 1;
  return lines;
}

let last;

function parsed(buffer, end) {
  const text = buffer.latin1Slice(0, end - 1);
  last = JSON.parse(`[${text.replaceAll("\n", ",")}]`);
  return last.length;
}

export default groupOf(workload, {
  variants: { "100 k in 20 s": { repeats: 3, repeatsOf: { original: 1 } } },
  figures: ["cpuMs"],
  stores: ["ours", "original", "lmdb"],
  floors: {
    "a timer every 10 ms, the log's new bytes, and where they end in a line": followed(counted),
    "and JSON.parse() of the lines, as one list for each look: the floor": followed(parsed),
  },
});
