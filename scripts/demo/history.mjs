/** What only this version has: history across a restart, an earlier state, a feed that is resumed, and less of all that. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { timed } from "./side-by-side.mjs";

const patienceMs = 20_000;
const consumer = fileURLToPath(new URL("./history-consumer.mjs", import.meta.url));
const RECORDS = 200;

async function collect(changes) {
  const found = [];
  for await (const change of changes) found.push(change);
  return found;
}

const linesOf = (file) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []);

/** Waits until the consumer has kept so many changes. */
async function kept(file, count) {
  const until = performance.now() + patienceMs;
  while (linesOf(file).length < count && performance.now() < until) await delay(5);
}

async function change(store, rounds, from = 0) {
  for (let n = from; n < from + rounds; n++) {
    for (let i = 0; i < RECORDS; i++) await store.set(`record:${i}`, { n, text: "x".repeat(50) });
    await store.compact();
  }
}

async function follow(account, store, folder, file) {
  const start = () =>
    spawn(process.execPath, [consumer, folder, file], { stdio: ["ignore", "inherit", "inherit"] });
  const first = start();
  await kept(file, 4 * RECORDS);
  const ended = once(first, "close");
  first.kill("SIGKILL");
  const writing = change(store, 2, 6);
  await ended;
  const { ms } = await timed(async () => {
    const second = start();
    await writing;
    await kept(file, 8 * RECORDS);
    const over = once(second, "close");
    second.kill("SIGKILL");
    await over;
  });
  const told = linesOf(file).map((line) => JSON.parse(line));
  const wanted = await collect(store.changes());
  account.row(
    "resumed feed",
    `${told.length} of ${wanted.length} changes, each once, the consumer killed midway`,
    ms,
  );
  // NOTE: an operation that was logged while a checkpoint ran has a position in either log: the consumer may have been told the other one.
  account.expect(
    isDeepStrictEqual(
      told.map(({ id, n }) => [id, n]),
      wanted.map(({ id, value }) => [id, value.n]),
    ),
    "resumed feed: the consumer does not have each change once, in order",
  );
}

export async function runHistoryStep(account, Store, folder, file) {
  const store = new Store();
  await store.open(folder, { checkpointOnClose: true });
  await change(store, 3);
  const [before, state] = [new Date(), store.entries()];
  await delay(5);
  await change(store, 3, 3);
  await store.close();
  await store.open(folder);
  const history = await timed(() => collect(store.changes({ id: "record:7" })));
  account.row(
    "history",
    `${history.result.length} operations on one record, behind 6 checkpoints and a restart`,
    history.ms,
  );
  account.expect(history.result.length === 6, "history: not every operation on the record was found");
  const past = await timed(() => store.at(before));
  account.row(
    "earlier state",
    `${past.result.count()} records as they were before the last ${3 * RECORDS} operations`,
    past.ms,
  );
  account.expect(isDeepStrictEqual(past.result.entries(), state), "earlier state: it is another one");
  past.result.close();
  await follow(account, store, folder, file);
  const bytesOf = async () => Object.values(await store.usage()).reduce((sum, { bytes }) => sum + bytes, 0);
  const had = await bytesOf();
  const pruned = await timed(() => store.prune());
  const has = await bytesOf();
  account.row(
    "prune",
    `${Math.round(had / 1024)} KB before, ${Math.round(has / 1024)} KB after, ${pruned.result.files} files less`,
    pruned.ms,
  );
  account.expect(has < had && store.count() === RECORDS, "prune: nothing went, or records did");
  await store.close();
}
