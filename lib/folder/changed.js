"use strict";

// What became of a change, read from the number that the native side returns for it (src/binding/change.rs).

/** It must wait for another agent. */
const NOT_NOW = -1;
/** A checkpoint is due. */
const CHECKPOINT_DUE = 1;
/** Operations of another process were read. */
const FOREIGN = 2;
/** What is held to share a write is so much that the write should not wait. */
const WRITE_DUE = 4;
/** Other agents wrote much that was not read. */
const IS_FAR_BEHIND = 8;

/** How many operations are buffered. */
const bufferedIn = (code) => Math.floor(code / 16);

module.exports = { CHECKPOINT_DUE, FOREIGN, IS_FAR_BEHIND, NOT_NOW, WRITE_DUE, bufferedIn };
