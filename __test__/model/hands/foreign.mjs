/** Lines of another hand: of a process that no lock keeps out, on a file system whose locks do not hold. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { recordOf } from "../../helpers/schema-versions.mjs";

/** Its clock: above all that agents have reached in a run. */
const clockAbove = 1_000_000;

export function foreignLine({ folder, manifest, writer, entry: { ts, id, n, v }, number }) {
  const line = { ts, op: "set", id, prev: null, data: recordOf(n, v) };
  if (writer.kind === "single") append(folder, manifest.activeOps, line);
  else
    append(folder, manifest.activeAgentOps[writer.name], { ...line, agent: "z", clock: clockAbove + number });
}

function append(folder, log, line) {
  appendFileSync(join(folder, log), `${JSON.stringify(line)}\n`);
}
