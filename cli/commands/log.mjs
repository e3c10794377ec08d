/** `opslog log`: the operations since the last checkpoint, and those that come. */
import { setTimeout as delay } from "node:timers/promises";
import { parseTime } from "../arguments.mjs";
import { endSignal } from "../ended.mjs";
import { OperationList, allOption, operationsOf } from "../operations.mjs";
import { reading } from "../stores.mjs";

const LOOK_EVERY_MS = 200;

async function follow(store, wanted, list, signal) {
  while (!signal.aborted) {
    for (const operation of await store.tail()) if (wanted(operation)) list.print(operation);
    list.flush();
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

export const logCommand = {
  summary: "list the operations since the last checkpoint",
  details: [
    "Prints one operation a line, the oldest first. A checkpoint begins the list anew: --all also reads the logs that",
    "checkpoints left behind, one at a time. What archive() moved, and what undo() took back, is in no log. With --follow",
    "goes on with what a writer does, through its checkpoints, until it is ended.",
  ],
  options: {
    ...allOption,
    id: { type: "string", value: "id", help: "only those on this record" },
    since: { type: "string", value: "time", help: "only those after this time" },
    follow: { type: "boolean", short: "f", help: "wait for more; Ctrl-C ends it" },
  },
  run({ folder, values, output }) {
    const since = values.since === undefined ? undefined : parseTime(values.since);
    const wanted = ({ id, ts }) =>
      (values.id === undefined || id === values.id) && (since === undefined || ts > since);
    // NOTE: before anything is printed: who sees a line may end it.
    const signal = values.follow ? endSignal() : undefined;
    return reading(folder, async (store) => {
      const { operations, withAgent } = await operationsOf(folder, store, values);
      const list = new OperationList(output, { json: values.json, withAgent });
      let printed = 0;
      for await (const operation of operations) {
        if (signal?.aborted) break;
        if (!wanted(operation)) continue;
        list.print(operation);
        printed++;
      }
      list.flush();
      if (values.follow) await follow(store, wanted, list, signal);
      else list.note(printed, store, values);
    });
  },
};
