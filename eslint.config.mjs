import js from "@eslint/js";
import noLateGlobals from "./scripts/lint/no-late-globals.mjs";
import noLateRequire from "./scripts/lint/no-late-require.mjs";
import usedInJsx from "./scripts/lint/used-in-jsx.mjs";

// Node's own globals, as the running Node has them.
const globals = Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, "readonly"]));

// What the page uses of a browser.
const browserGlobals = Object.fromEntries(
  [
    ...["EventSource", "HashChangeEvent", "ResizeObserver", "addEventListener", "dispatchEvent", "document"],
    ...[
      "getComputedStyle",
      "history",
      "localStorage",
      "location",
      "matchMedia",
      "navigator",
      "removeEventListener",
    ],
  ].map((name) => [name, "readonly"]),
);

export default [
  { ignores: ["target/", "native/", "ui/built/", "node_modules/", "coverage/", ".cache/", "**/*.ts"] },
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
  // What they hand to the browser runs there.
  {
    files: ["scripts/ui/*.mjs", "__test__/ui/*.mjs", "__test__/helpers/browser.mjs"],
    languageOptions: { globals: browserGlobals },
  },
  {
    files: ["ui/page/**/*.js", "ui/page/**/*.jsx"],
    languageOptions: {
      sourceType: "module",
      globals: browserGlobals,
      parserOptions: { ecmaFeatures: { jsx: true } },
    },
    plugins: { page: { rules: { "used-in-jsx": usedInJsx } } },
    rules: { "page/used-in-jsx": "error" },
  },
];
