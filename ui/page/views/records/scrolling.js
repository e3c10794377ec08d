/**
 * Which rows are in sight. A million rows are higher than a browser lets an element be: then the height is less, and a place in it
 * stands for a share of the rows.
 */
const MOST_PIXELS = 16_000_000;

/** `{ height, first, shift, topOf }` for rows of one height, `count` of them, in a window that is scrolled to `scrollTop`. */
export function placesOf({ count, row, window: visible, scrollTop }) {
  const whole = count * row;
  const height = Math.min(whole, MOST_PIXELS);
  const most = Math.max(1, height - visible);
  const share = Math.min(1, Math.max(0, scrollTop / most));
  // Where the window stands among all rows, in pixels of theirs.
  const position = height < whole ? share * (whole - visible) : scrollTop;
  const first = Math.max(0, Math.floor(position / row));
  const last = Math.min(count, Math.ceil((position + visible) / row));
  return { height, first, last, topOf: (at) => scrollTop + at * row - position };
}

/** Where to scroll to, so that a row is in sight. */
export function scrollTo({ at, count, row, window: visible, scrollTop }) {
  const whole = count * row;
  const height = Math.min(whole, MOST_PIXELS);
  const isScaled = height < whole;
  const position = isScaled ? (scrollTop / Math.max(1, height - visible)) * (whole - visible) : scrollTop;
  let wanted = position;
  if (at * row < position) wanted = at * row;
  if ((at + 1) * row > position + visible) wanted = (at + 1) * row - visible;
  if (wanted === position) return scrollTop;
  return isScaled ? (wanted / (whole - visible)) * (height - visible) : wanted;
}
