/** The two stores that are compared: 0.8.1 or, in wide runs, the ideal store on one side; the subject on the other. */
import { IdealStore } from "./ideal/store.mjs";
import { OriginalSide, Side } from "./side.mjs";

/** `Subject` is a class to be driven as ours is; else `subject` is "ours", "ideal" or "reference". */
export async function subjectsOf({ subject, wide, Subject }) {
  const original = (folder, header) => new OriginalSide(folder, header);
  const plain = (name, Store) => (folder, header) => new Side(name, Store, folder, header);
  const makeExpected = wide ? plain("ideal", IdealStore) : original;
  if (Subject) return { makeExpected, makeActual: plain(Subject.name, Subject) };
  if (subject === "reference") return { makeExpected, makeActual: original };
  if (subject === "ideal") return { makeExpected, makeActual: plain("ideal", IdealStore) };
  const { Store } = await import("../../index.mjs");
  return { makeExpected, makeActual: plain("ours", Store) };
}
