/** Equality of what two stores showed, and the error that says where they parted. */
import { inspect, isDeepStrictEqual } from "node:util";

export class Divergence extends Error {
  constructor(what, expected, actual, names = ["expected", "actual"]) {
    const show = (value) => inspect(value, { depth: 8, breakLength: 110, maxArrayLength: 50 });
    super(`${what}\n  ${names[0]}: ${show(expected)}\n  ${names[1]}: ${show(actual)}`);
    this.name = "Divergence";
  }
}

/** Deep equality; with `keyOrder` the order of an object's keys counts too. */
export function same(expected, actual, { keyOrder = true } = {}) {
  return isDeepStrictEqual(expected, actual) && (!keyOrder || text(expected) === text(actual));
}

function text(value) {
  return JSON.stringify(value, (_, inner) => (inner instanceof Map ? [...inner] : inner));
}

/**
 * Calls `call` and says what became of it, without letting an error out: `how` is "returned", "threw",
 * "resolved" or "rejected". The promise is looked after at once, so none is ever unhandled.
 */
export function observe(call) {
  let result;
  try {
    result = call();
  } catch (error) {
    return { now: "threw", later: Promise.resolve({ how: "threw", error }) };
  }
  if (typeof result?.then !== "function") {
    return { now: "returned", later: Promise.resolve({ how: "returned", value: result }) };
  }
  const later = result.then(
    (value) => ({ how: "resolved", value }),
    (error) => ({ how: "rejected", error }),
  );
  return { now: "promised", later };
}

/** Turns an outcome into something that can be compared: folders and the side's own errors have one name. */
export function comparable(outcome, side) {
  if (!("error" in outcome)) return outcome;
  const { how, error } = outcome;
  if (side.thrown.has(error)) return { how, error: `the function's own: ${error.message}` };
  if (!(error instanceof Error)) return { how, error };
  return { how, error: refusal(error) ?? describe(error, side) };
}

const refusals = ["OPSLOG_INVALID_VALUE", "OPSLOG_INVALID_ARGUMENT"];
const messagesOfTheOriginal = /^(Cannot |Record '|Store is |Archive segment ')/;

/** A value or an id that is refused: 0.8.1 has no message for it, so only the refusal counts. */
function refusal({ code, message }) {
  return refusals.includes(code) && !messagesOfTheOriginal.test(message) ? "refused" : null;
}

function describe(error, side) {
  const type = ["TypeError", "RangeError", "SyntaxError"].find((name) => error instanceof globalThis[name]);
  const message = error.message.replaceAll(side.folder, "<folder>");
  // What stands behind it is a listed difference.
  const [held] = /^Store is locked by process \d+\./.exec(message) ?? [];
  return { type: type ?? "Error", message: held ?? message };
}
