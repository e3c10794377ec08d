/** The value that a number stands for. */
const letters = "abcdefghijklmnopqrstuvwxyzäöü€😀".repeat(200);

/** Small values, or ones that make a folder of a few hundred records larger than a megabyte. */
export function valueOf(n, large) {
  const length = large ? 2500 + (n % 2000) : n % 90;
  return { n, text: letters.slice(n % 30, (n % 30) + length), list: [n, null, n % 2 === 0] };
}

/** Whether a record is what was stored under its number. */
export function isWhole(value, large) {
  return JSON.stringify(value) === JSON.stringify(valueOf(value.n, large));
}
