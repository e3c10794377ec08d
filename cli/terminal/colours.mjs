/**
 * Colours: of the sixteen that every terminal has, those that can be read on a light and on a dark background. Yellow, cyan
 * and blue cannot.
 */

const codes = { bold: 1, dim: 2, red: 31, green: 32, magenta: 35 };

function wantsColour({ env }, stream) {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return !["0", "false"].includes(env.FORCE_COLOR);
  return stream.isTTY === true && env.TERM !== "dumb";
}

function painter(stream) {
  const isColoured = wantsColour(process, stream);
  return (colour, text) => (isColoured && text !== "" ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text);
}

/** Text in a colour, for stdout, if colours are wanted there. */
export const paint = painter(process.stdout);

/** The same for stderr. */
export const paintError = painter(process.stderr);
