// Store.verify() beside writers that never pause: whatever it reports then is wrong, for nothing is damaged.
//
//   npm run soak:verify -- [--seconds 25]     (for each of three kinds of writers)

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Store } from "../index.mjs";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "25" } } });
const program = fileURLToPath(new URL("soak/restless-writer.mjs", import.meta.url));
const kinds = {
  "a single writer": [{}],
  "a single writer in group mode": [{ writeMode: "group" }],
  "three agents": ["one", "two", "three"].map((agentId) => ({ agentId })),
};

/** Checks a folder again and again while writers are at work. Returns how often, and what was reported. */
async function round(options) {
  const folder = await mkdtemp(join(tmpdir(), "opslog-soak-"));
  const writers = options.map((each) => fork(program, [folder, JSON.stringify(each)]));
  try {
    await Promise.all(writers.map((writer) => once(writer, "message")));
    const until = Date.now() + Number(values.seconds) * 1000;
    const reported = [];
    let [checks, bytes] = [0, 0];
    while (Date.now() < until) {
      const report = await Store.verify(folder);
      reported.push(...report.damage);
      checks++;
      bytes += report.bytes;
    }
    for (const writer of writers) writer.send("end");
    const ends = await Promise.all(writers.map(async (writer) => (await once(writer, "exit"))[0]));
    reported.push(...(await Store.verify(folder)).damage);
    return { checks, bytes, reported, failed: ends.filter((code) => code !== 0).length };
  } finally {
    for (const writer of writers) writer.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

let isWrong = false;
for (const [name, options] of Object.entries(kinds)) {
  const { checks, bytes, reported, failed } = await round(options);
  console.log(
    `${name}: ${checks} checks of ${(bytes / 1e9).toFixed(1)} GB, ${reported.length} places reported, ${failed} writers failed`,
  );
  for (const { path, offset, what } of reported.slice(0, 10)) console.log(`  ${path}:${offset}: ${what}`);
  isWrong ||= reported.length + failed > 0 || checks === 0;
}
process.exitCode = isWrong ? 1 : 0;
