import fs from "node:fs/promises";
import { resolve } from "node:path";
import test from "ava";
import errors from "../../lib/errors/errors.js";

const { fromNative, ioError, opslogError } = errors;

const native = (details) => fromNative(new Error(JSON.stringify(details)));

test("opslogError(), with a kind, a cause and properties, carries them", (t) => {
  const cause = new Error("why");
  const error = opslogError("OPSLOG_CORRUPT", "broken", { kind: "RangeError", cause, path: "/x", offset: 7 });
  t.true(error instanceof RangeError);
  t.like(error, { code: "OPSLOG_CORRUPT", message: "broken", path: "/x", offset: 7 });
  t.is(error.cause, cause);
  t.false("kind" in error);
});

test("fromNative(), with a code and a message, decodes them", (t) => {
  const error = native({ code: "OPSLOG_LOCKED", message: "locked", path: "/x/.lock", pid: 7 });
  t.true(error instanceof Error);
  t.like(error, { code: "OPSLOG_LOCKED", message: "locked", path: "/x/.lock", pid: 7 });
  t.false("cause" in error);
});

test("fromNative(), with a kind, makes an error of that class", (t) => {
  t.true(native({ code: "OPSLOG_INVALID_VALUE", message: "x", kind: "TypeError" }) instanceof TypeError);
  t.true(native({ code: "OPSLOG_INVALID_ARGUMENT", message: "x", kind: "RangeError" }) instanceof RangeError);
});

test("fromNative(), of a failed system call, has Node's message and Node's error as the cause", async (t) => {
  const path = resolve("/nowhere/file");
  const expected = await t.throwsAsync(fs.open(path));
  const { errno, syscall } = expected;
  const error = native({
    code: "OPSLOG_IO",
    message: "os error",
    errno,
    syscall,
    path,
    systemCode: "ENOENT",
  });
  t.is(error.code, "OPSLOG_IO");
  t.is(error.message, expected.message);
  t.like(error, { errno, syscall, path });
  t.deepEqual({ ...error.cause }, { ...expected });
  t.is(error.cause.message, expected.message);
});

test("fromNative(), of another failure that a system call is behind, keeps its message", (t) => {
  const message = "Snapshot file not found: snapshots/snap-1.jsonl. The data directory may be corrupted.";
  const details = { errno: -2, syscall: "open", path: "/x", systemCode: "ENOENT" };
  const error = native({ code: "OPSLOG_CORRUPT", message, ...details });
  t.is(error.message, message);
  t.is(error.cause.code, "ENOENT");
});

test("fromNative(), of a system call with an error that Node does not know, keeps what there is", (t) => {
  const details = { code: "OPSLOG_IO", message: "strange", errno: -99999, syscall: "write", path: "/x" };
  const error = native({ ...details, systemCode: "ESTRANGE" });
  t.like(error, { code: "OPSLOG_IO", message: "strange", errno: -99999 });
  t.is(error.cause.code, "ESTRANGE");
});

test("fromNative(), with any other error, returns it as it is", (t) => {
  for (const error of [
    new Error("plain"),
    new TypeError("{"),
    new Error('{"a":1}'),
    new Error("{}"),
    undefined,
    7,
  ]) {
    t.is(fromNative(error), error);
  }
});

test("ioError(), with an error that no system call is behind, returns it as it is", (t) => {
  const error = new TypeError("x");
  t.is(ioError(error), error);
});
