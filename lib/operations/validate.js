"use strict";

// Whether parsed JSON is what a file of the store must hold. The messages are those of 0.8.1; `code` is
// ours. What passes is returned as it is.

const { isList, isRecord: isObject } = require("../arguments/kinds");
const { opslogError } = require("../errors/errors");

const isText = (value) => typeof value === "string" && value.length > 0;
const isCount = (value) => Number.isInteger(value) && value >= 0;
const isVersion = (value) => Number.isInteger(value) && value >= 1;

/** A function that refuses with the message if the condition does not hold. */
function checker(subject) {
  return (condition, message) => {
    if (!condition) throw opslogError("OPSLOG_CORRUPT", `Invalid ${subject}: ${message}`);
  };
}

const checkOp = checker("operation");
const checkManifest = checker("manifest");
const checkSnapshot = checker("snapshot");
const checkSegment = checker("archive segment");

/** One line of the log. */
function validateOp(raw) {
  checkOp(isObject(raw), "not an object");
  const { ts, op, id } = raw;
  checkOp(isText(ts), "ts must be a non-empty string");
  if (op !== "set" && op !== "delete") checkOp(false, `op must be "set" or "delete", got "${op}"`);
  checkOp(isText(id), "id must be a non-empty string");
  checkOp("prev" in raw, "missing prev");
  checkOp(raw.prev === null || isObject(raw.prev), "prev must be an object or null");
  if (op === "set") {
    checkOp("data" in raw && raw.data !== null, "set op must have non-null data");
  } else {
    checkOp(raw.prev !== null, "delete op must have non-null prev");
    checkOp(!("data" in raw), "delete op must not have data field");
  }
  if ("encoding" in raw && raw.encoding !== "full" && raw.encoding !== "delta") {
    checkOp(false, `encoding must be "full" or "delta", got "${raw.encoding}"`);
  }
  if ("agent" in raw) checkOp(isText(raw.agent), "agent must be a non-empty string");
  if ("clock" in raw) checkOp(isCount(raw.clock), "clock must be a non-negative integer");
  return raw;
}

/** The content of `manifest.json`. */
function validateManifest(raw) {
  checkManifest(isObject(raw), "not an object");
  checkManifest(isVersion(raw.version), "version must be a positive finite integer");
  checkManifest(isText(raw.currentSnapshot), "missing currentSnapshot");
  checkManifest(isText(raw.activeOps), "missing activeOps");
  checkManifest(isList(raw.archiveSegments), "archiveSegments must be an array");
  for (const segment of raw.archiveSegments) {
    checkManifest(isText(segment), "archiveSegments entries must be non-empty strings");
  }
  checkManifest(isObject(raw.stats), "missing stats");
  for (const name of ["activeRecords", "archivedRecords", "opsCount"]) {
    checkManifest(isCount(raw.stats[name]), `stats.${name} must be a non-negative integer`);
  }
  for (const name of ["created", "lastCheckpoint"]) {
    checkManifest(isText(raw.stats[name]), `stats.${name} must be a non-empty string`);
  }
  if ("activeAgentOps" in raw && raw.activeAgentOps !== undefined) {
    checkManifest(isObject(raw.activeAgentOps), "activeAgentOps must be an object");
    for (const path of Object.values(raw.activeAgentOps)) {
      checkManifest(isText(path), "activeAgentOps values must be non-empty strings");
    }
  }
  return raw;
}

/** A snapshot in the old format, one JSON document. */
function validateSnapshot(raw) {
  checkSnapshot(isObject(raw), "not an object");
  checkSnapshot(isVersion(raw.version), "version must be a positive finite integer");
  checkSnapshot(isText(raw.timestamp), "timestamp must be a non-empty string");
  checkSnapshot(isObject(raw.records), "records must be an object");
  return raw;
}

/** An archive segment. */
function validateArchiveSegment(raw) {
  checkSegment(isObject(raw), "not an object");
  checkSegment(isVersion(raw.version), "version must be a positive finite integer");
  checkSegment(isText(raw.period), "period must be a non-empty string");
  checkSegment(isText(raw.timestamp), "timestamp must be a non-empty string");
  checkSegment(isObject(raw.records), "records must be an object");
  return raw;
}

module.exports = { validateOp, validateManifest, validateSnapshot, validateArchiveSegment };
