"use strict";

// Options that a method does not have. 0.8.1 ignores them, and a program may pass its own along: they are ignored, and
// told once through `process.emitWarning`. A misspelled one, which would be missed, is refused.

const { process } = require("../platform/builtins");
const { wrongType } = require("../errors/errors");
const { isRecord } = require("./kinds");
const { describe } = require("./paths");
const { printable } = require("../errors/printable");

/** So many names are told at most: a program may make them up. */
const MOST_TOLD = 100;
const told = new Set();
const isGiven = (value) => value !== undefined && value !== null;

/** A name as it is compared: `read_only`, `readonly` and `READONLY` mean the same option. */
const fold = (name) => name.toLowerCase().replace(/[-_\s]/g, "");

/** How many letters must be added, left out, replaced or swapped with the next one. */
function distance(one, other) {
  let [before, row] = [[], Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1);
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, replaced);
      const isSwapped = j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isSwapped) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[other.length];
}

/** The option that a name was probably meant to be: up to a letter in five may be wrong, and one in any. */
function nearest(name, names) {
  const folded = fold(name);
  // NOTE: no long name is measured: it is near to nothing.
  if (folded.length > 40) return undefined;
  const measured = names.map((known) => [distance(folded, fold(known)), known]);
  const [[letters, known]] = measured.sort(([one], [other]) => one - other);
  return letters <= Math.max(1, Math.floor(folded.length / 5)) ? known : undefined;
}

/** Checks that options are an object, if they are given. */
function checkOptions(options) {
  if (isGiven(options) && !isRecord(options))
    throw wrongType(`options must be an object, got ${describe(options)}`);
}

/** Checks that options are an object, and looks for names that are no option of the method. */
function checkNames(options, names, method) {
  if (!isGiven(options)) return;
  checkOptions(options);
  for (const name in options) {
    if (names.includes(name) || !isGiven(options[name])) continue;
    const meant = nearest(name, names);
    if (meant !== undefined && !isGiven(options[meant])) {
      throw wrongType(`${method} has no option ${JSON.stringify(name)}. Did you mean ${meant}?`);
    }
    warn(name, names, method);
  }
}

function warn(name, names, method) {
  const key = `${method} ${name}`;
  if (told.has(key) || told.size === MOST_TOLD) return;
  told.add(key);
  const message = `${method} has no option ${JSON.stringify(name)}, and ignores it. It has ${names.join(", ")}.`;
  process.emitWarning(printable(message), { code: "OPSLOG_UNKNOWN_OPTION" });
}

module.exports = { checkNames, checkOptions };
