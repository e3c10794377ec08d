// The package in the hands of bundlers, test frameworks and loaders. Part of `npm run verify:package`; alone:
//
//   node scripts/package/tools/main.mjs [--node PATH] [--only NAME,NAME]

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { buildAddon } from "../../build.mjs";
import { requireCargo, requireModules, requireNode, root } from "../../setup.mjs";
import { markdown } from "../../windows/table.mjs";
import { withoutRust } from "../consumer.mjs";
import { installRuntimes, npm } from "../runtimes.mjs";
import { stage } from "../stage.mjs";
import { BUNDLES, bundlerRow, bundlers } from "./bundlers.mjs";
import { isFaulty } from "./cell.mjs";
import { frameworkRow, frameworks, singleExecutable } from "./frameworks.mjs";
import { starts } from "./starts.mjs";
import { surroundings } from "./surroundings.mjs";

/** A project with the package and some others installed. */
function project(folder, packages, env) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
  npm(folder, ["install", "--legacy-peer-deps", ...packages], env);
  return folder;
}

/**
 * Tries every tool that is wanted. `tarballs` are those of the package and of this machine's platform, `node` runs the
 * programs, `runtimes` are the others. Returns two tables' rows.
 */
export function tryTools(folder, { env, tarballs, runtimes, node, binary, wants = () => true }) {
  const place = (name) => path.join(folder, name.replaceAll(/[^A-Za-z0-9]+/g, "-"));
  const bundled = [];
  const framed = [];
  const tell = (row) => {
    console.error(row.join(": "));
    return row;
  };
  const attempt = (name, width, run) => {
    try {
      return tell(run());
    } catch (error) {
      return tell([name, ...Array.from({ length: width }, () => error.message)]);
    }
  };
  for (const name of Object.keys(bundlers).filter(wants)) {
    bundled.push(
      attempt(name, BUNDLES.length, () => {
        const made = project(place(name), [...tarballs, ...bundlers[name].packages], env);
        return bundlerRow(made, env, name, node, binary);
      }),
    );
  }
  for (const name of Object.keys(frameworks).filter(wants)) {
    framed.push(
      attempt(name, 1, () => {
        const made = project(place(name), [...tarballs, ...frameworks[name].packages], env);
        return frameworkRow(made, env, name, node);
      }),
    );
  }
  const executable = "single executable of Node";
  if (wants(executable) && process.platform === "linux") {
    framed.push(
      attempt(executable, 1, () => {
        const made = project(place(executable), [...tarballs, "esbuild", "postject"], env);
        return [executable, singleExecutable(made, env, node, binary)];
      }),
    );
  }
  const runtime = (wanted) => runtimes.find(({ name }) => name.startsWith(wanted)).program;
  const given = { env, tarballs, node, runtime, binary };
  for (const [name, run] of Object.entries({ ...surroundings, ...starts })) {
    if (wants(name)) framed.push(attempt(name, 1, () => [name, run(place(name), given)]));
  }
  return { bundled, framed };
}

export function toolTables({ bundled, framed }) {
  const tables = [];
  if (bundled.length > 0) tables.push(markdown(["bundler", ...BUNDLES], bundled));
  if (framed.length > 0) tables.push(markdown(["tool", ""], framed));
  return tables.join("\n\n");
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({ options: { node: { type: "string" }, only: { type: "string" } } });
  requireNode();
  requireCargo();
  requireModules();
  const { platformTriple } = createRequire(import.meta.url)("../../../lib/native/index.js");
  const folder = mkdtempSync(path.join(tmpdir(), "opslog-tools-"));
  const binary = buildAddon();
  const packed = stage(path.join(folder, "tarballs"), { [platformTriple()]: binary });
  const only = values.only?.split(";");
  const found = tryTools(folder, {
    env: withoutRust(),
    tarballs: Object.values(packed).map(({ file }) => file),
    runtimes: installRuntimes(path.join(root, ".cache", "runtimes")),
    node: values.node ?? process.execPath,
    binary,
    wants: (name) => only === undefined || only.some((part) => name.startsWith(part)),
  });
  console.log(`\n${toolTables(found)}`);
  rmSync(folder, { recursive: true, force: true });
  const cells = [...found.bundled, ...found.framed].flatMap(([, ...said]) => said);
  if (cells.some(isFaulty)) process.exitCode = 1;
}
