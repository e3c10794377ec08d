"use strict";

// The upkeep of an open store, wherever its driver has the files: checkpoints, copies, deleted history, archive segments.

const { checkFunction, readRelativePath, refusePromise } = require("../arguments/checks");
const { checkNames } = require("../arguments/option-names");
const { checkPeriod } = require("../arguments/paths");
const { readOnProgress, watched } = require("../arguments/progress");
const { parsePrune } = require("../arguments/retention");
const { messages, opslogError } = require("../errors/errors");
const { currentQuarter, segmentNamed } = require("../operations/segments");
const diagnostics = require("../platform/builtins").diagnosticsChannel;
const { parseBackup } = require("./backup");

const checkpointFailures = diagnostics.channel("opslog:checkpoint-failed");

class Upkeep {
  #opened;
  #writable;

  /** Both return the queue of the driver, or throw where the store is not open, or takes no writes. */
  constructor({ opened, writable }) {
    this.#opened = opened;
    this.#writable = writable;
  }

  async compact(options) {
    const queue = this.#writable();
    if (queue.options.skipLoad) throw opslogError("OPSLOG_SKIP_LOAD", messages.skipLoadCompact());
    checkNames(options, ["onProgress"], "compact()");
    await followed(queue.driver, options, () => checkpoint(queue));
  }

  /** A checkpoint that no call asked for; it fails no call. */
  checkpointInTurn(queue) {
    const { folder } = queue.driver;
    queue
      .exclusive((driver) => driver.checkpointIfFree())
      .catch((error) => {
        if (error?.code !== "OPSLOG_NOT_OPEN") checkpointFailures.publish({ folder, error });
      });
  }

  async backup(dir, options) {
    const queue = this.#opened();
    const backup = parseBackup(dir, options);
    const { ending } = await queue.begin((driver) => driver.backup(backup));
    return ending;
  }

  async prune(options) {
    const queue = this.#opened();
    const request = parsePrune(options);
    if (!request.dryRun) this.#writable();
    // NOTE: a single writer makes the next manifest from the one that it knows: beside a checkpoint one of the two would be lost.
    const holdsUp = queue.driver.blocksAppends && queue.options.agentId === undefined && !request.dryRun;
    const { ending } = await queue.begin((driver) => driver.prune(request), { holdsUp });
    return ending;
  }

  async usage() {
    return this.#opened().driver.usage();
  }

  async archive(predicate, segment, options) {
    const queue = this.#writable();
    checkFunction(predicate, "archive()");
    if (segment !== undefined && segment !== null) checkPeriod(segment);
    checkNames(options, ["onProgress"], "archive()");
    const work = () => queue.durably((driver) => moveToArchive(driver, predicate, segment));
    return followed(queue.driver, options, work);
  }

  async loadArchive(segment) {
    const { driver } = this.#opened();
    readRelativePath(segment, "archive segment");
    const path = segmentNamed(driver.manifest.archiveSegments, segment);
    if (path === undefined) throw opslogError("OPSLOG_NOT_FOUND", messages.archiveNotFound(segment));
    return driver.loadArchive(path);
  }
}

/** Runs work of a driver, and tells `onProgress` how far it has come. */
function followed({ meter, folder }, options, work) {
  const onProgress = readOnProgress(options);
  return onProgress === undefined ? work() : watched(onProgress, meter, folder, work);
}

async function checkpoint(queue) {
  const holdsUp = queue.driver.blocksAppends;
  const { ending } = await queue.begin((driver) => driver.checkpoint(), { holdsUp });
  await ending;
}

async function moveToArchive(driver, predicate, segment) {
  const ids = [];
  driver.records.forEach((value, id) => {
    const isMoved = predicate(value, id);
    refusePromise(isMoved, "archive()");
    if (isMoved) ids.push(id);
    return false;
  });
  if (ids.length === 0) return 0;
  return (await driver.archive(ids, segment ?? currentQuarter())) ?? ids.length;
}

module.exports = { Upkeep };
