/** `opslog log`: the operations of all logs, and those that come. */
import { UsageError, parseCount, parseMoment } from "../arguments.mjs";
import { endSignal } from "../ended.mjs";
import { OperationList, hasAgents, operationOf } from "../operations.mjs";
import { reading } from "../stores.mjs";

/** The last operations, the oldest first. */
async function lastOf(store, wanted, number) {
  const found = [];
  for await (const change of store.changes({ ...wanted, reverse: true, limit: number })) found.push(change);
  return found.reverse();
}

async function follow(store, wanted, list, signal) {
  try {
    for await (const change of store.changes({ ...wanted, live: true, signal })) {
      if (change.type === "undone") continue;
      list.print(operationOf(change));
      list.flush();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

export const logCommand = {
  summary: "list the operations",
  details: [
    "Prints one operation a line, the oldest first, from all logs that the folder has: also what stands before the last",
    "checkpoint. What archive() moved, and what undo() took back, is in no log. With --follow goes on with what a writer does,",
    "through its checkpoints, until it is ended. A time is a day, a time of day in UTC, or how long ago: 90s, 15m, 1h, 7d.",
  ],
  options: {
    id: { type: "string", value: "id", help: "only those on this record" },
    since: { type: "string", value: "time", help: "only those after this time" },
    until: { type: "string", value: "time", help: "only those up to this time" },
    limit: { type: "string", value: "n", help: "so many at most, the oldest" },
    last: { type: "string", value: "n", help: "so many at most, the newest" },
    all: { type: "boolean", help: "all of them, as without" },
    follow: { type: "boolean", short: "f", help: "wait for more; Ctrl-C ends it" },
  },
  run({ folder, values, output }) {
    const wanted = {
      id: values.id,
      since: values.since === undefined ? undefined : parseMoment(values.since),
      until: values.until === undefined ? undefined : parseMoment(values.until),
    };
    const limit = values.limit === undefined ? undefined : parseCount(values.limit, "limit");
    const last = values.last === undefined ? undefined : parseCount(values.last, "last");
    if (limit !== undefined && last !== undefined)
      throw new UsageError("--limit and --last exclude each other");
    if (values.follow && (limit !== undefined || values.until !== undefined))
      throw new UsageError("--follow goes on with what comes: it does not go with --limit or --until");
    // NOTE: before anything is printed: who sees a line may end it.
    const signal = values.follow ? endSignal() : undefined;
    return reading(
      folder,
      async (store) => {
        const list = new OperationList(output, { json: values.json, withAgent: await hasAgents(store) });
        const after = store.position;
        const changes =
          last === undefined ? store.changes({ ...wanted, limit }) : await lastOf(store, wanted, last);
        let printed = 0;
        let position = after;
        for await (const change of changes) {
          if (signal?.aborted) break;
          if (change.type === "undone") continue;
          ({ position } = change);
          list.print(operationOf(change));
          printed++;
        }
        list.flush();
        if (values.follow) await follow(store, { ...wanted, after: position }, list, signal);
        else list.note(printed);
      },
      { skipLoad: true },
    );
  },
};
