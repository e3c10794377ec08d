"use strict";

// Archive segments: which one a caller means, and which one is the default.

const { today } = require("../arguments/values");

/** The path, which may have any prefix, of an archive segment, given by its path, its period, or any part of its path. */
function segmentNamed(paths, segment) {
  const called = (wanted) => paths.find((path) => path.slice(path.lastIndexOf("/") + 1) === wanted);
  return (
    paths.find((path) => path === segment) ??
    called(`archive-${segment}.json`) ??
    called(`archive-${segment}`) ??
    paths.find((path) => path.includes(segment))
  );
}

/** Where archived records go by default: year and quarter by the local calendar, such as `2026-Q4`. */
function currentQuarter() {
  const date = today();
  return `${date.getFullYear()}-Q${Math.floor(date.getMonth() / 3) + 1}`;
}

module.exports = { currentQuarter, segmentNamed };
