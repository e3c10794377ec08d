"use strict";

// Names of files may hold characters that a terminal takes for commands. Where a message shows them, they are escaped;
// properties such as `path` keep them.

const CONTROL = /(?![\t\n])\p{Cc}/gu;

function escaped(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Text without control characters (C0 and C1), tabs and line ends excepted. */
function printable(text) {
  return text.replace(CONTROL, escaped);
}

module.exports = { printable };
