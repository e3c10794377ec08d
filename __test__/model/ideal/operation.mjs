/** Operations of the ideal store: as the API shows them, and as lines. */

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const sameText = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** What turns `after` back into `before`, by own fields only; null when nothing differs. */
function reversePatch(before, after) {
  const changed = Object.keys(before).filter(
    (key) => !Object.hasOwn(after, key) || !sameText(before[key], after[key]),
  );
  const added = Object.keys(after).filter((key) => !Object.hasOwn(before, key));
  if (changed.length + added.length === 0) return null;
  return {
    ...(changed.length > 0 && { $set: Object.fromEntries(changed.map((key) => [key, before[key]])) }),
    ...(added.length > 0 && { $unset: added }),
  };
}

/** The operation as getOps() shows it. `before` and `data` are undefined where there is none. */
export function makeOperation(op, id, before, data) {
  const operation = { ts: new Date().toISOString(), op, id, prev: before === undefined ? null : before };
  if (op === "delete") return operation;
  operation.data = data;
  if (!isObject(before) || !isObject(data)) return operation;
  const patch = reversePatch(before, data);
  if (patch && JSON.stringify(patch).length < JSON.stringify(before).length) {
    operation.prev = patch;
    operation.encoding = "delta";
  }
  return operation;
}

/** 0.8.1 refuses a `prev` that is no object: the true one stands in a field of its own. */
export function lineOf(operation) {
  if (operation.prev === null || isObject(operation.prev)) return JSON.stringify(operation);
  return JSON.stringify({ ...operation, prev: {}, prevValue: operation.prev });
}

export function operationOf(line) {
  const { ts, op, id, prev, data, encoding, prevValue } = JSON.parse(line);
  return {
    ts,
    op,
    id,
    prev: prevValue === undefined ? prev : prevValue,
    ...(op === "set" && { data }),
    ...(encoding && { encoding }),
  };
}

/** What would be read after a restart; refuses what could not be. */
export function asStored(value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw Object.assign(new Error("the value cannot be stored", { cause }), { code: "OPSLOG_INVALID_VALUE" });
  }
  if (text === undefined || text === "null") {
    throw Object.assign(new Error("the value cannot be stored"), { code: "OPSLOG_INVALID_VALUE" });
  }
  return JSON.parse(text);
}

export function checkId(id) {
  if (id === "") throw Object.assign(new Error("the id is empty"), { code: "OPSLOG_INVALID_ARGUMENT" });
}
