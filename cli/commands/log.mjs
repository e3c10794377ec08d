/** `opslog log`: the operations of all logs, and those that come. */
import { TIMES, parseCount, parseMoment } from "../arguments/moments.mjs";
import { UsageError } from "../arguments/usage-error.mjs";
import { endSignal } from "../ended.mjs";
import { OperationList, hasAgents, lastOperations, operations } from "../records/operations.mjs";
import { reading } from "../stores.mjs";
import { ROWS, isTerminal } from "../terminal/size.mjs";

/** How many operations are shown, counted from the first or from the last: `{ limit, last, isGiven }`. */
export function parseBounds({ all, limit, last, json }) {
  if (limit !== undefined && last !== undefined)
    throw new UsageError("--limit and --last exclude each other");
  const isGiven = all || limit !== undefined || last !== undefined;
  if (!isGiven && isTerminal && !json) return { limit: Infinity, last: ROWS, isGiven: false };
  return { limit: parseCount(limit, "--limit") ?? Infinity, last: parseCount(last, "--last"), isGiven };
}

/** Prints the operations within the bounds. Returns where the last of them stands. */
export async function printOperations(store, list, wanted, { limit, last, isGiven }, signal) {
  let position;
  const { last: found, hasMore } = last === undefined ? {} : await lastOperations(store, wanted, last);
  for await (const each of found ?? operations(store, { ...wanted, limit })) {
    if (signal?.aborted) break;
    ({ position } = each);
    list.print({ position, ...each.operation });
  }
  return { position, remark: hasMore && !isGiven ? ', the last ones; "--all" shows all' : "" };
}

async function follow(store, wanted, list, signal) {
  try {
    for await (const { position, operation } of operations(store, { ...wanted, live: true, signal })) {
      list.print({ position, ...operation });
      list.flush();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Options of commands that list operations. */
export const boundsOptions = {
  limit: { type: "string", short: "n", value: "n", help: "at most this many, the oldest" },
  last: {
    type: "string",
    value: "n",
    help: `at most this many, the newest; on a terminal ${ROWS} by default`,
  },
  all: { type: "boolean", help: "all operations, also on a terminal" },
};

export const logCommand = {
  summary: "list the operations",
  details: [
    "Prints one operation a line, the oldest first, from all logs of the folder, also those before the last checkpoint. Operations that undo() removed, and records that archive() moved, are in no log.",
    "With --follow, waits for new operations, through the writer's checkpoints, until Ctrl-C. With --json, each operation has its position, which at and revert take.",
    TIMES,
  ],
  examples: ["log ./data --last 20", "log ./data --since 1h --id task-1", "log ./data --follow --json"],
  options: {
    id: { type: "string", value: "id", help: "only those on this record" },
    agent: { type: "string", short: "a", value: "id", help: "only those of this agent" },
    since: { type: "string", value: "time", help: "only those after this time" },
    until: { type: "string", value: "time", help: "only those up to this time" },
    ...boundsOptions,
    follow: { type: "boolean", short: "f", help: "wait for new ones until Ctrl-C" },
  },
  run({ folder, values, output }) {
    const wanted = {
      id: values.id,
      agent: values.agent,
      since: values.since === undefined ? undefined : parseMoment(values.since),
      until: values.until === undefined ? undefined : parseMoment(values.until),
    };
    const bounds = parseBounds(values);
    if (values.follow && (values.limit !== undefined || values.until !== undefined))
      throw new UsageError("--follow goes on with what comes: it does not go with --limit or --until");
    // NOTE: before anything is printed: a reader that has seen a line may end the program.
    const signal = values.follow ? endSignal() : undefined;
    return reading(
      folder,
      async (store) => {
        const list = new OperationList(output, { json: values.json, withAgent: await hasAgents(store) });
        const after = store.position;
        const { position = after, remark } = await printOperations(store, list, wanted, bounds, signal);
        list.flush();
        if (values.follow) await follow(store, { ...wanted, after: position }, list, signal);
        else list.note(remark);
      },
      { skipLoad: true },
    );
  },
};
