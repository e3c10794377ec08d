/** ESLint rule: a component that stands in a tag is used, for `no-unused-vars`. */
export default {
  meta: { type: "problem", schema: [] },
  create: (context) => ({
    JSXOpeningElement(node) {
      let { name } = node;
      while (name.type === "JSXMemberExpression") name = name.object;
      if (name.type === "JSXIdentifier") context.sourceCode.markVariableAsUsed(name.name, node);
    },
  }),
};
