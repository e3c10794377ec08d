/** `opslog prune`: deletes history that nothing needs any more. */
import { TIMES, parseMoment } from "../arguments/moments.mjs";
import { UsageError } from "../arguments/usage-error.mjs";
import { Ended, endSignal } from "../ended.mjs";
import { requireStore, writerOptions, writing } from "../stores.mjs";
import { bytes, count } from "../terminal/numbers.mjs";
import { progressBar, progressOption } from "../terminal/progress-bar.mjs";
import { sentence } from "../terminal/sentences.mjs";

function parseBytes(text) {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--keep-bytes takes a number of bytes, not "${text}"`);
  return Number(text);
}

export const pruneCommand = {
  summary: "delete old logs and superseded snapshots",
  details: [
    "Deletes logs that checkpoints have sealed, oldest first, and superseded snapshots: all of them without --before or --keep-bytes. Files that a reader, an agent or a backup still needs stay. Needs the folder's lock. In a folder of agents, use --agent while agents have it open.",
    TIMES,
  ],
  examples: ["prune ./data --dry-run", "prune ./data --before 30d", "prune ./data --keep-bytes 1000000"],
  options: {
    before: { type: "string", value: "time", help: "only logs whose last operation is older" },
    "keep-bytes": { type: "string", value: "n", help: "keep the newest history, up to this many bytes" },
    "dry-run": { type: "boolean", help: "delete nothing, print what would be deleted" },
    ...writerOptions,
    ...progressOption,
  },
  async run({ folder, values, output }) {
    const { agent, locking, before, "keep-bytes": keepBytes, "dry-run": dryRun = false } = values;
    const limits = {
      before: before === undefined ? undefined : parseMoment(before),
      keepBytes: keepBytes === undefined ? undefined : parseBytes(keepBytes),
    };
    await requireStore(folder);
    const bar = progressBar(values);
    const { onProgress } = bar;
    const signal = endSignal();
    let done;
    try {
      done = await writing(folder, { agent, locking, onProgress }, async (store) => {
        const pruned = await store.prune({ ...limits, dryRun, onProgress, signal });
        return { ...pruned, usage: await store.usage() };
      });
    } catch (error) {
      throw signal.aborted ? new Ended("ended before all of it was deleted") : error;
    } finally {
      bar.end();
    }
    const kinds = Object.values(done.usage);
    const left = kinds.reduce((sum, kind) => sum + kind.bytes, 0);
    if (values.json) output.json({ ...done, dryRun });
    else {
      const verb = dryRun ? "would be deleted" : "deleted";
      output.lines(
        sentence(`${count(done.files, "file")}, ${bytes(done.bytes)} ${verb}; the folder has ${bytes(left)}`),
      );
    }
  },
};
