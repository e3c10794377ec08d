/** Serves the page that looks into a store: on the loopback interface, at an address with a random token in it. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import path from "node:path";
import { Activity } from "./history/activity.mjs";
import { Answers } from "./requests/answers.mjs";
import { callsOf } from "./calls.mjs";
import { Events } from "./requests/events.mjs";
import { FollowedStore } from "./store/followed-store.mjs";
import { Health } from "./folder/health.mjs";
import { History } from "./history/history.mjs";
import { Past } from "./history/past.mjs";
import { Records } from "./records/records.mjs";
import { Space } from "./folder/space.mjs";
import { readStaticFiles } from "./requests/static-files.mjs";
import { Writing } from "./store/writing.mjs";

const HEADERS_TIMEOUT_MS = 10_000;

/**
 * Serves a store's folder. Resolves with the page's `address`, why the store is not open (`failure`, `null` if it is), and `close()`.
 *
 * @param folder The store's folder.
 * @param options `write`: whether records may be restored and the store compacted. `agent`: in whose name, in a folder of agents.
 * `port`: 0 for any. `mostSorted`: how many records stand in an order.
 */
export async function serveUi(folder, { write = false, agent, port = 0, mostSorted } = {}) {
  const root = path.resolve(folder);
  const files = await readStaticFiles();
  const token = randomBytes(24).toString("base64url");
  const events = new Events();
  const tell = (type, data) => events.tell(type, data);

  const overview = () => ({
    folder: root,
    write,
    agent,
    failure: followed.failure,
    version: followed.version,
    ...(followed.failure === null && { records: followed.store.count(), stats: followed.store.stats() }),
  });
  const forgetAll = () => {
    for (const part of [past, records, activity]) part.forget();
    tell("state", overview());
  };
  const followed = new FollowedStore(root, {
    opened: forgetAll,
    failed: forgetAll,
    changed: ({ operations, counts }) => {
      tell("changes", { operations, counts, version: followed.version, records: followed.store.count() });
    },
  });
  const past = new Past(followed);
  const records = new Records(followed, past, { mostSorted });
  const history = new History(followed);
  const activity = new Activity(followed);
  const space = new Space(root, followed);
  const health = new Health(root, (state) => tell("health", state));
  const writing = new Writing(root, { isAllowed: write, agent });
  const calls = callsOf({ overview, records, history, past, activity, space, health, writing, tell });

  const answers = new Answers({ token, files, calls, records, events, state: overview });
  const server = createServer((request, response) => answers.answer(request, response));
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  await followed.start();

  return {
    address: `http://127.0.0.1:${server.address().port}/${token}/`,
    failure: followed.failure,
    async close() {
      server.close();
      events.close();
      server.closeAllConnections();
      activity.forget();
      past.forget();
      records.forget();
      await followed.close();
    },
  };
}
