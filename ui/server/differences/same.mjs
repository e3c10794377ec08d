/** Whether two values are the same. Values that are nested so deeply that this cannot be told count as different. */
import { isDeepStrictEqual } from "node:util";

export function isSame(one, other) {
  try {
    return isDeepStrictEqual(one, other);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** JSON of a value by which it can be found among others; the same text for all that are nested too deeply. */
export function keyOf(value) {
  try {
    return JSON.stringify(value) ?? "";
  } catch (error) {
    if (error instanceof RangeError) return "too deep";
    throw error;
  }
}
