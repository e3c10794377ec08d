// Programs that are bundled: with the package inside, the addon found in node_modules; with the addon as a file beside the
// bundle, in a folder where nothing is installed; and with the package left outside.

import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cell } from "./cell.mjs";

const programs = fileURLToPath(new URL("./programs/", import.meta.url));

/** The bundlers, and what they are told. `build` returns commands; each makes one file, named `out`. */
export const bundlers = {
  "esbuild, ESM": {
    packages: ["esbuild"],
    out: "bundle.mjs",
    build: (out, external) => [esbuild("esm", out, external)],
  },
  "esbuild, CJS": {
    packages: ["esbuild"],
    out: "bundle.cjs",
    build: (out, external) => [esbuild("cjs", out, external)],
  },
  "esbuild, ESM in pieces": {
    packages: ["esbuild"],
    out: "program.mjs",
    config: ["other.mjs", () => 'export * from "@backloghq/opslog";\n'],
    build: (out, external) => [
      [
        ...esbuild("esm", out, external).slice(0, -1),
        ...["other.mjs", "--splitting", `--outdir=${path.dirname(out)}`, "--out-extension:.js=.mjs"],
      ],
    ],
  },
  tsup: {
    packages: ["tsup", "typescript@5.9"],
    out: "program.cjs",
    config: ["tsup.config.mjs", tsupConfig],
    build: () => [["tsup", "--silent"]],
  },
  "rollup, ESM": {
    packages: ["rollup", "@rollup/plugin-commonjs", "@rollup/plugin-node-resolve"],
    out: "bundle.mjs",
    config: ["rollup.config.mjs", rollupConfig],
    build: () => [["rollup", "--config", "rollup.config.mjs", "--silent"]],
  },
  "webpack 5": {
    packages: ["webpack", "webpack-cli"],
    out: "bundle.cjs",
    config: ["webpack.config.cjs", webpackConfig],
    build: () => [["webpack", "--config", "webpack.config.cjs"]],
  },
  rspack: {
    packages: ["@rspack/core", "@rspack/cli"],
    out: "bundle.cjs",
    config: ["rspack.config.cjs", webpackConfig],
    build: () => [["rspack", "build", "--config", "rspack.config.cjs"]],
  },
  "parcel 2": {
    packages: ["parcel@2"],
    out: "bundle.cjs",
    config: ["package.json", parcelManifest],
    build: () => [["parcel", "build", "--no-cache"]],
  },
  "vite, noExternal": {
    packages: ["vite"],
    out: "bundle.mjs",
    config: ["vite.config.mjs", viteConfig],
    build: () => [["vite", "build", "--logLevel", "error"]],
  },
};

function esbuild(format, out, external) {
  const left = external ? ["--external:@backloghq/opslog"] : [];
  const options = ["--bundle", "--platform=node", `--format=${format}`, "--log-level=error", ...left];
  return ["esbuild", "program.mjs", ...options, `--outfile=${out}`];
}

function tsupConfig(out, external) {
  const left = external ? "" : "noExternal: [/./],";
  return `export default { entry: ["program.mjs"], format: ["cjs"], ${left} outDir: ${JSON.stringify(path.dirname(out))} };\n`;
}

function parcelManifest(out, external) {
  const target = { context: "node", includeNodeModules: !external };
  const manifest = { private: true, type: "module", source: "program.mjs", bundle: out };
  return `${JSON.stringify({ ...manifest, engines: { node: ">=20" }, targets: { bundle: target } })}\n`;
}

function rollupConfig(out, external) {
  return `import commonjs from "@rollup/plugin-commonjs";
import { nodeResolve } from "@rollup/plugin-node-resolve";
export default {
  input: "program.mjs",
  output: { file: ${JSON.stringify(out)}, format: "es" },
  external: ${external ? '["@backloghq/opslog"]' : "[]"},
  plugins: [nodeResolve({ exportConditions: ["node"], preferBuiltins: true }), commonjs()],
};
`;
}

function webpackConfig(out, external) {
  const { dir, base } = path.parse(out);
  return `const path = require("node:path");
module.exports = {
  mode: "production",
  target: "node",
  entry: "./program.mjs",
  externals: ${external ? '{ "@backloghq/opslog": "commonjs @backloghq/opslog" }' : "{}"},
  output: { path: path.join(__dirname, ${JSON.stringify(dir)}), filename: ${JSON.stringify(base)} },
};
`;
}

function viteConfig(out, external) {
  const { dir, base } = path.parse(out);
  const ssr = external ? '{ external: ["@backloghq/opslog"] }' : "{ noExternal: true }";
  return `export default {
  ssr: ${ssr},
  build: {
    ssr: "program.mjs",
    outDir: ${JSON.stringify(dir)},
    rollupOptions: { output: { entryFileNames: ${JSON.stringify(base)} } },
  },
};
`;
}

/** The columns of the table. */
export const BUNDLES = ["bundled", "bundled, binary beside it", "external"];

/** The row of a bundler, in a project that has it and the package installed. `binary` is the platform's. */
export function bundlerRow(project, env, name, node, binary) {
  const { out: file, build, config } = bundlers[name];
  cpSync(programs, project, { recursive: true });
  const make = (external) => {
    const out = path.join("dist", file);
    rmSync(path.join(project, "dist"), { recursive: true, force: true });
    mkdirSync(path.join(project, "dist"));
    if (config !== undefined) writeFileSync(path.join(project, config[0]), config[1](out, external));
    return build(out, external);
  };
  const run = [node, path.join("dist", file)];
  const bundled = cell(project, env, [...make(false), run]);
  const elsewhere = `${project}-elsewhere`;
  rmSync(elsewhere, { recursive: true, force: true });
  mkdirSync(elsewhere);
  for (const each of readdirSync(path.join(project, "dist"))) {
    copyFileSync(path.join(project, "dist", each), path.join(elsewhere, each));
  }
  copyFileSync(binary, path.join(elsewhere, path.basename(binary)));
  const beside = cell(elsewhere, env, [[node, file]]);
  const external = cell(project, env, [...make(true), run]);
  return [name, bundled, beside, external];
}
