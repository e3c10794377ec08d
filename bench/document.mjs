/** A page in which what was measured stands between markers, and around them what people wrote. */

const begin = (name) => `<!-- measured:${name} -->`;
const end = (name) => `<!-- /measured:${name} -->`;

/** Puts the text between the markers of that name. */
export function replaceBlock(page, name, text) {
  const [from, to] = [page.indexOf(begin(name)), page.indexOf(end(name))];
  if (from < 0 || to < from) throw new Error(`${begin(name)} and ${end(name)} are missing`);
  return `${page.slice(0, from)}${begin(name)}\n\n${text}\n\n${page.slice(to)}`;
}
