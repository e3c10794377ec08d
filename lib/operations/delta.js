"use strict";

// Patches that lead from a record back to its previous version, over live objects. Only own properties are
// looked at and made, so a field may be called `constructor` or `__proto__`.

const { wrongType } = require("../errors/errors");
const { describe } = require("../arguments/paths");

function checkObject(value, what) {
  if (typeof value !== "object" || value === null) {
    throw wrongType(`${what} must be an object, got ${describe(value)}`);
  }
}

function checkPatch(patch) {
  checkObject(patch, "patch");
  if (patch.$set !== undefined) checkObject(patch.$set, "patch.$set");
  const { $unset } = patch;
  if ($unset !== undefined && !Array.isArray($unset)) {
    throw wrongType(`patch.$unset must be an array, got ${describe($unset)}`);
  }
}

/** Sets an own property, whatever its name: plain assignment to `__proto__` would change the prototype. */
function setOwn(target, key, value) {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * The patch that turns `newRecord` back into `oldRecord`: values to set, and fields to remove. `null` if
 * there is nothing to do, or no old record.
 */
function createDelta(oldRecord, newRecord) {
  if (oldRecord === null) return null;
  checkObject(oldRecord, "oldRecord");
  checkObject(newRecord, "newRecord");
  const $set = {};
  for (const [key, value] of Object.entries(oldRecord)) {
    const same = Object.hasOwn(newRecord, key) && JSON.stringify(value) === JSON.stringify(newRecord[key]);
    if (!same) setOwn($set, key, value);
  }
  const $unset = Object.keys(newRecord).filter((key) => !Object.hasOwn(oldRecord, key));
  const patch = {};
  if (Object.keys($set).length > 0) patch.$set = $set;
  if ($unset.length > 0) patch.$unset = $unset;
  return patch.$set === undefined && patch.$unset === undefined ? null : patch;
}

/** A copy of the record with the patch applied. */
function applyDelta(record, patch) {
  checkObject(record, "record");
  checkPatch(patch);
  const result = { ...record };
  for (const [key, value] of Object.entries(patch.$set ?? {})) setOwn(result, key, value);
  for (const key of patch.$unset ?? []) delete result[key];
  return result;
}

/** Whether the patch takes less JSON text than the full record. */
function isDeltaSmaller(patch, fullRecord) {
  if (patch === null || fullRecord === null) return false;
  checkObject(patch, "patch");
  checkObject(fullRecord, "fullRecord");
  return JSON.stringify(patch).length < JSON.stringify(fullRecord).length;
}

module.exports = { createDelta, applyDelta, isDeltaSmaller };
