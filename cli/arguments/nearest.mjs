/** Finds what a mistyped name may have meant. */

/** How many letters are to be changed, left out, put in or exchanged with the next one to make one word of the other. */
function distance(one, other) {
  const rows = [[...Array(other.length + 1).keys()]];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (isSame ? 0 : 1));
      const isExchanged = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isExchanged) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[one.length][other.length];
}

/** Longer words are no slips of the finger. */
const LONGEST = 40;

/** The name that a word is nearest to: up to a third of its letters are wrong. `undefined` if none is. */
export function nearest(word, names) {
  if (word.length > LONGEST) return undefined;
  const lower = word.toLowerCase();
  const begun = names.filter((name) => lower.length >= 2 && name.startsWith(lower));
  if (begun.length > 0) return begun[0];
  const ranked = names
    .map((name) => ({ name, far: distance(lower, name) }))
    .sort((one, other) => one.far - other.far);
  const [best] = ranked;
  return best !== undefined && best.far <= Math.max(1, Math.floor(lower.length / 3)) ? best.name : undefined;
}

/** The end of a sentence that says what may have been meant; empty if there is nothing to say. */
export function meant(name) {
  return name === undefined ? "" : `; did you mean "${name}"?`;
}
