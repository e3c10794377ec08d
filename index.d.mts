// For `import`: the same declarations, without the default export that a CommonJS module would have.
export * from "./index.js";
