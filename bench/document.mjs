/** docs/performance.md: what a run found goes between markers, what people wrote around them stays. */

const begin = (name) => `<!-- bench:${name} -->`;
const end = (name) => `<!-- /bench:${name} -->`;

/** Puts the text between the markers of that name; without markers, at the end, under the heading. */
export function replaceBlock(document, name, text, heading) {
  const block = `${begin(name)}\n\n${text}\n\n${end(name)}`;
  const from = document.indexOf(begin(name));
  if (from < 0) return `${document.trimEnd()}\n\n${heading === undefined ? "" : `${heading}\n\n`}${block}\n`;
  const to = document.indexOf(end(name), from);
  if (to < 0) throw new Error(`${end(name)} is missing`);
  return `${document.slice(0, from)}${block}${document.slice(to + end(name).length)}`;
}
