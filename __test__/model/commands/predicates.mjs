/** Predicates for filter, count and archive, by description, so that they can be printed. */
import fc from "fast-check";
import { allIds } from "../values.mjs";

export const predicateArbitrary = fc.oneof(
  { arbitrary: fc.constantFrom("none", "all", "throws"), weight: 1 },
  { arbitrary: fc.nat({ max: 255 }).map((ids) => ({ ids })), weight: 3 },
  { arbitrary: fc.constantFrom("n", "s", "gone").map((field) => ({ field })), weight: 2 },
);

/** The predicate itself; what it throws belongs to `side`. `visited` gets the ids in the order of the calls. */
export function predicateOf(description, header, side, visited = []) {
  return (value, id) => {
    visited.push(id);
    if (description === "none" || description === "all") return description === "all";
    if (description === "throws") {
      const failure = new Error("thrown inside the predicate");
      side.thrown.add(failure);
      throw failure;
    }
    if ("field" in description)
      return value !== null && typeof value === "object" && Object.hasOwn(value, description.field);
    return (description.ids & (1 << allIds(header).indexOf(id))) !== 0;
  };
}
