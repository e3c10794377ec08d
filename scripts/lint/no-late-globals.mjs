/**
 * Refuses a global of Node's that is looked up when a function is called. By then a test may have put a fake into its
 * place, or its framework may have torn the globals down. The language's own globals are allowed, but of `Date` only
 * `Date.now()`: the JS clock is what tests fake on purpose.
 */
const language = new Set(
  (
    "AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Error EvalError " +
    "FinalizationRegistry Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl JSON Map " +
    "Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String Symbol " +
    "SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet " +
    "decodeURI decodeURIComponent encodeURI encodeURIComponent isFinite isNaN parseFloat parseInt undefined"
  ).split(" "),
);
const moduleScope = new Set(["__dirname", "__filename", "exports", "module", "require"]);

/** Whether what stands in a scope is evaluated later than when the module is loaded. */
function isLate(scope) {
  for (let at = scope; at !== null; at = at.upper) {
    if (at.type === "class-field-initializer") return true;
    if (at.type === "function" && at.block.type !== "Program") return true;
  }
  return false;
}

function isDateNow({ name, parent }) {
  return (
    name === "Date" &&
    parent.type === "MemberExpression" &&
    !parent.computed &&
    parent.property.name === "now"
  );
}

export default {
  meta: { type: "problem", schema: [], messages: { late: "'{{name}}' is looked up at call time: {{how}}." } },
  create(context) {
    return {
      "Program:exit"() {
        const how = "take it at the top of the module, from lib/platform/timers.js or a node: module";
        const { through, variables } = context.sourceCode.scopeManager.globalScope;
        for (const { identifier, from } of [
          ...through,
          ...variables.flatMap(({ references }) => references),
        ]) {
          const { name } = identifier;
          if (language.has(name) || moduleScope.has(name)) continue;
          if (!isLate(from) || isDateNow(identifier)) continue;
          context.report({ node: identifier, messageId: "late", data: { name, how } });
        }
      },
    };
  },
};
