/**
 * Refuses a module that is loaded when a function is called. By then the package may have been replaced on disk, the
 * process may have no descriptor left, or a test framework may have torn its loader down. The option names the functions
 * that may load: they run when a store is opened.
 */
export default {
  meta: {
    type: "problem",
    schema: [{ type: "object", properties: { functions: { type: "array", items: { type: "string" } } } }],
    messages: { late: "This module is loaded at call time: require it at the top." },
  },
  create(context) {
    const [{ functions = [] } = {}] = context.options;
    const isLate = (node) => {
      const around = context.sourceCode.getAncestors(node);
      const within = around.filter(({ type }) => /Function|PropertyDefinition/.test(type));
      return within.length > 0 && !within.some(({ id }) => functions.includes(id?.name));
    };
    const check = (node) => {
      if (isLate(node)) context.report({ node, messageId: "late" });
    };
    return { "CallExpression[callee.name='require']": check, ImportExpression: check };
  },
};
