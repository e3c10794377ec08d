import js from "@eslint/js";
import noLateGlobals from "./scripts/lint/no-late-globals.mjs";
import noLateRequire from "./scripts/lint/no-late-require.mjs";

// Node's own globals, as the running Node has them.
const globals = Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, "readonly"]));

export default [
  { ignores: ["target/", "native/", "node_modules/", "coverage/", ".cache/", "**/*.ts"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2023, globals },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
    },
  },
  {
    files: ["index.js", "s3.js", "lib/**/*.js"],
    languageOptions: { sourceType: "commonjs", globals: { __dirname: "readonly", __filename: "readonly" } },
    plugins: { opslog: { rules: { "no-late-globals": noLateGlobals, "no-late-require": noLateRequire } } },
    rules: {
      strict: ["error", "global"],
      "opslog/no-late-globals": "error",
      "opslog/no-late-require": ["error", { functions: ["requirePackage", "loadBackendDriver", "files"] }],
    },
  },
  // Node's own modules are always there.
  { files: ["lib/platform/builtins.js"], rules: { "opslog/no-late-require": "off" } },
  {
    files: ["npm/*/locate.cjs"],
    languageOptions: { sourceType: "commonjs", globals: { __dirname: "readonly" } },
  },
  { files: ["**/*.mjs"], languageOptions: { sourceType: "module" } },
];
