/** What a listener of a folder is told: how reading goes on where it failed. */
import test from "ava";
import feedModule from "../../lib/history/feed.js";
import { until } from "../helpers/until.mjs";

const { Feed } = feedModule;

test("a feed that waits for its new place when the store closes is over, and reads nothing more", async (t) => {
  let renewed;
  let reads = 0;
  const gone = Object.assign(new Error("gone"), { code: "OPSLOG_POSITION_GONE" });
  const feed = new Feed({
    after: "p1",
    read: () => ({
      piece() {
        reads++;
        return Promise.reject(gone);
      },
    }),
    renew: () => new Promise((resolve) => (renewed = resolve)),
    settled: () => Promise.resolve(),
  });
  const piece = feed.piece();
  await until(() => renewed !== undefined);
  feed.closing();
  renewed("p2");
  t.is(await piece, null);
  t.is(reads, 1);
});
