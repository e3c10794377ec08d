/** Random numbers from a seed: `random(seed)(sides)` is an integer from 0 on, below `sides`. */
export function random(seed) {
  let state = (seed * 2654435761 + 1) % 4294967296;
  return (sides) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 13), 3266489917) >>> 0;
    return ((mixed ^ (mixed >>> 16)) >>> 0) % sides;
  };
}
