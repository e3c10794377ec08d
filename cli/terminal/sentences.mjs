/** Sentences for people, in as many lines as the terminal needs for them. */
import { paint } from "./colours.mjs";
import { width } from "./size.mjs";
import { wrap } from "./text-width.mjs";

/** The lines of a sentence that is safe to show. */
export function sentence(text, { colour, indent = "" } = {}) {
  const style = (line) => (colour === undefined ? line : paint(colour, line));
  return wrap(text, width - indent.length, { keepsWords: true }).map((line) => indent + style(line));
}
