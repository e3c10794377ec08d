/** Numbers as people read them. */

export const grouped = (number) => number.toLocaleString("en");

/** A number with what it counts; `many` where that does not end in s. */
export function count(number, noun, many = `${noun}s`) {
  return `${grouped(number)} ${number === 1 ? noun : many}`;
}

export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) {
    number /= 1000;
    unit++;
  }
  return `${unit === 0 ? number : number.toFixed(number < 10 ? 1 : 0)} ${units[unit]}`;
}
