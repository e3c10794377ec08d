import diagnostics from "node:diagnostics_channel";
import { setImmediate } from "node:timers/promises";
import { getSystemErrorMap } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import test from "ava";
import syncs from "../../lib/writing/syncs.js";

/** A core whose syncs are made by the test. */
class Core {
  asked = 0;

  startSyncing(settled) {
    this.settled = settled;
  }

  askForSync() {
    if (this.refuses) throw new Error(this.refuses);
    return ++this.asked;
  }
}

/** The number that Node has for the error on this system: on Windows it is not minus the system's. */
const [EIO] = [...getSystemErrorMap()].find(([, [name]]) => name === "EIO");
const failed = JSON.stringify({
  code: "OPSLOG_IO",
  message: "Input/output error",
  syscall: "fdatasync",
  path: "/store/ops/ops-1.jsonl",
  errno: EIO,
});

test("writes in one go, share a sync, and a later one waits for its own", async (t) => {
  const core = new Core();
  const waits = new syncs.Syncs(core, "/store", true);
  const told = [];
  waits.written().then(() => told.push("first"));
  waits.written().then(() => told.push("second"));
  await null;
  waits.written().then(() => told.push("third"));
  await null;
  t.is(core.asked, 2);
  core.settled(1, null);
  await setImmediate();
  t.deepEqual(told, ["first", "second"]);
  core.settled(2, null);
  await setImmediate();
  t.deepEqual(told, ["first", "second", "third"]);
});

test("a sync that fails, rejects all who wait with OPSLOG_IO and those who come later with OPSLOG_FAILED", async (t) => {
  const core = new Core();
  const waits = new syncs.Syncs(core, "/store", true);
  const durable = waits.written();
  await null;
  const one = waits.written();
  await null;
  const other = waits.written();
  await null;
  core.settled(1, failed);
  await durable;
  for (const waiting of [one, other]) {
    const error = await t.throwsAsync(waiting, { code: "OPSLOG_IO" });
    t.like(error, { syscall: "fdatasync", path: "/store/ops/ops-1.jsonl", errno: EIO });
    t.is(error.cause.code, "EIO");
  }
  core.refuses = JSON.stringify({ code: "OPSLOG_FAILED", message: "Store refuses writes after a failure" });
  await t.throwsAsync(waits.written(), { code: "OPSLOG_FAILED" });
});

test("writes with durability interval wait for nothing, and who asks waits", async (t) => {
  const core = new Core();
  const waits = new syncs.Syncs(core, "/store", false);
  t.is(waits.written(), undefined);
  const all = waits.all();
  await null;
  t.is(core.asked, 1);
  core.settled(1, null);
  await t.notThrowsAsync(all);
});

test.serial("a sync that fails, is reported on the channel opslog:sync-failed", (t) => {
  const core = new Core();
  const waits = new syncs.Syncs(core, "/store", false);
  const reports = [];
  const listen = (report) => reports.push(report);
  diagnostics.subscribe("opslog:sync-failed", listen);
  t.teardown(() => diagnostics.unsubscribe("opslog:sync-failed", listen));
  t.is(waits.written(), undefined);
  core.settled(0, failed);
  t.is(reports.length, 1);
  t.is(reports[0].folder, "/store");
  t.like(reports[0].error, { code: "OPSLOG_IO", syscall: "fdatasync" });
});

test("a write that waits keeps the core, which nothing else holds any more, until its sync has ended", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const native = {};
  const begin = () => {
    const core = new Core();
    const waits = new syncs.Syncs(core, "/store", true);
    native.settled = core.settled;
    return { core: new WeakRef(core), written: waits.written() };
  };
  const { core, written } = begin();
  for (let n = 0; n < 3; n++) await setImmediate();
  collect();
  t.not(core.deref(), undefined);
  native.settled(1, null);
  await written;
  for (let n = 0; n < 3; n++) await setImmediate();
  collect();
  t.is(core.deref(), undefined);
});
