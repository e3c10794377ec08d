"use strict";

// The operations of a folder's logs as the manifest names them, read anew from the files.

const { path } = require("../platform/builtins");
const { messages } = require("../errors/errors");
const native = require("../native");
const { settle } = require("../errors/native");
const { parseOperations } = require("./texts");
const { warn } = require("../errors/warnings");

function warnOfSkipped(count, file) {
  if (count > 0) warn(messages.skippedLines(count, file));
}

/** Warns of malformed lines, of which each has the path of its log: as 0.8.1 does, once for each log. */
function warnOfSkippedLines(lines) {
  const counts = new Map();
  for (const { path: file } of lines) counts.set(file, (counts.get(file) ?? 0) + 1);
  for (const [file, count] of counts) warnOfSkipped(count, file);
}

async function* operationsOf(root, relativePath, codec) {
  const cursor = await settle(native.load().walCursor(root, relativePath));
  try {
    for (;;) {
      const operations = codec.operations(parseOperations(await settle(cursor.next())));
      if (operations.length === 0) break;
      yield* operations;
    }
  } finally {
    cursor.close();
  }
  warnOfSkipped(cursor.skipped(), path.join(root, relativePath));
}

/** Yields the operations in order. Those of several agents are read first, for their order is a common one. */
async function* walOperations(root, { activeOps, activeAgentOps }, codec) {
  if (activeAgentOps === undefined) {
    yield* operationsOf(root, activeOps, codec);
    return;
  }
  const operations = [];
  for (const relativePath of new Set([...Object.values(activeAgentOps), activeOps])) {
    for await (const operation of operationsOf(root, relativePath, codec)) operations.push(operation);
  }
  const agents = operations.map(({ agent = "" }) => agent);
  const clocks = operations.map(({ clock = 0 }) => clock);
  for (const place of native.load().operationsInOrder(agents, clocks)) yield operations[place];
}

module.exports = { walOperations, warnOfSkippedLines };
