/** A process that writes with ours is killed in the middle; what it acknowledged must be there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { timed } from "./side-by-side.mjs";

const writer = fileURLToPath(new URL("./crash-writer.mjs", import.meta.url));

async function writeUntilKilled(folder, round, enough) {
  const child = spawn(process.execPath, [writer, folder, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const acknowledged = [];
  for await (const id of createInterface({ input: child.stdout })) {
    acknowledged.push(id);
    if (acknowledged.length === enough) child.kill("SIGKILL");
  }
  const [, signal] = await closed;
  return { acknowledged, signal };
}

export async function runCrashStep(account, Store, folder) {
  for (const [round, enough] of [777, 1500, 2345].entries()) {
    const { result, ms } = await timed(() => writeUntilKilled(folder, round, enough));
    account.expect(result.signal === "SIGKILL", "crash: the writer ended before it was killed");
    account.row(
      "kill -9",
      `${result.acknowledged.length} writes acknowledged, then SIGKILL while writing`,
      ms,
    );
    const store = new Store();
    const opened = await timed(() => store.open(folder, { checkpointOnClose: false }));
    const lost = result.acknowledged.filter((id) => !store.has(id));
    account.row("reopen", `${lost.length} of them lost, ${store.count()} records in all`, opened.ms);
    account.expect(lost.length === 0, `crash: ${lost.length} acknowledged writes lost, first ${lost[0]}`);
    await store.close();
  }
}
