"use strict";

// Whether the server lets one of several conditional writes through that arrive at once. Some test a condition and write in two
// steps: each condition holds on its own, and writers that meet overwrite each other. The probe of the engine, one write at a
// time, does not see that. It costs 16 requests, and is made where a store is created, never for one that is there.

const { opslogError } = require("../errors/errors");
const { Buffer } = require("../platform/builtins").buffer;
const { randomUUID } = require("../platform/builtins").crypto;
const { delay } = require("../platform/timers");

const AT_ONCE = 8;
const ROUNDS = 5;
const PAUSE_MS = 100;
/** How long each body is: one that takes its time to arrive is more likely to meet another. */
const BODY_BYTES = 16 << 10;

/** No two are alike: a second write of the same bytes would rightly find the ETag of the first. */
const bodies = (step) => Array.from({ length: AT_ONCE }, (_, n) => Buffer.alloc(BODY_BYTES, `${step} ${n} `));

/** Rejects with `OPSLOG_UNSAFE_BACKEND` if more than one of several writes of an object is let through. */
async function holdContest(objects) {
  for (let round = 1; !(await holdRound(objects)); round++) {
    if (round === ROUNDS)
      throw opslogError("OPSLOG_IO", `The S3 server let none of ${AT_ONCE} writes through, ${ROUNDS} times`);
    await delay(PAUSE_MS * round);
  }
}

/** Whether there was a contest: a server that is busy may let none of the writes through. */
async function holdRound(objects) {
  const path = `probe/${randomUUID()}`;
  try {
    const created = await objects.createAtOnce(path, bodies("created"));
    refuse(created, "creates");
    if (created.length === 0) return false;
    const [{ etag, server }] = created;
    refuse(await objects.replaceAtOnce(path, bodies("replaced"), etag), "replaces");
    refuseDevelopmentServer(server);
    return true;
  } finally {
    await objects.delete(path).catch(() => {});
  }
}

function refuse(written, what) {
  if (written.length <= 1) return;
  const message =
    `This S3 server cannot keep two writers apart: of ${AT_ONCE} conditional writes at once it ${what} one object ` +
    `${written.length} times. With it, writers would lose each other's writes. Use a server that honours conditional writes.`;
  throw opslogError("OPSLOG_UNSAFE_BACKEND", message);
}

/**
 * moto tests a condition and writes in two steps, and so close to each other that a contest seldom shows it. It runs on the development server of
 * Werkzeug, which speaks HTTP/1.0 where it serves one request after the other: then no two meet.
 */
function refuseDevelopmentServer({ name, version }) {
  if (!name.startsWith("Werkzeug/") || version === "1.0") return;
  const message =
    "This S3 server cannot keep two writers apart: it is moto, or another one on the development server of Werkzeug, and serves several " +
    "requests at once. Start it with one thread (docs/s3.md, Servers), or use a server that honours conditional writes.";
  throw opslogError("OPSLOG_UNSAFE_BACKEND", message);
}

module.exports = { holdContest };
