// Ways in which Node is started, and places in which a project lies, that a package may not be made for. Each is a cell:
// "ok", or what was said instead.

import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { npm } from "../runtimes.mjs";
import { cell, execute } from "./cell.mjs";

const programs = fileURLToPath(new URL("./programs/", import.meta.url));
const MAJORS = ["Node 20", "Node 22", "Node 24", "Node 26"];
const TYPED = `import * as opslog from "@backloghq/opslog";
import type { StoreOptions } from "@backloghq/opslog";
import { check } from "./check.mjs";
const options: StoreOptions = { readOnly: false };
void options;
console.log(await check(opslog));
`;
const SNAPSHOT = `import * as opslog from "@backloghq/opslog";
import { startupSnapshot } from "node:v8";
import { check } from "./check.mjs";
startupSnapshot.setDeserializeMainFunction(() => check(opslog).then(console.log, console.log));
`;
/** A user without rights over files of others: the one that is called \`nobody\`. */
const STRANGER = 65534;

function projectOf(folder, { tarballs, env }, packages = []) {
  mkdirSync(folder, { recursive: true });
  cpSync(programs, folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  npm(folder, ["install", ...tarballs, ...packages], env);
  return folder;
}

/** Runs commands, one after the other: "ok" when each of them says so, or what the first other one said. */
function each(commands, run) {
  for (const [name, ...command] of commands) {
    const said = run(command);
    if (said !== "ok") return `${name}: ${said}`;
  }
  return "ok";
}

/** A program with options of Node's, on each Node that knows them. */
const started =
  (options, { since = 20, file = "program.mjs", env: more = () => ({}) } = {}) =>
  (folder, given) => {
    const project = projectOf(folder, given);
    writeFileSync(path.join(project, "typed.ts"), TYPED);
    const known = MAJORS.filter((name) => Number(name.slice(5)) >= since);
    return each(
      known.map((name) => [name, given.runtime(name), ...options(name), file]),
      (command) => cell(project, { ...given.env, ...more(folder) }, [command]),
    );
  };

const permissionModel = (name) => (name === "Node 22" ? "--experimental-permission" : "--permission");

const permissions = (name) => [
  permissionModel(name),
  ...["--allow-addons", "--allow-fs-read=*", "--allow-fs-write=*"],
];

/** A permission that is missing: an addon could do without that of writing, and Node would not see it. */
const refusals = {
  "addons, and none to write": [["--allow-addons"], "OPSLOG_IO ERR_ACCESS_DENIED\n"],
  "writing, and none of addons": [["--allow-fs-write=*"], "OPSLOG_NATIVE_UNAVAILABLE undefined\n"],
};
const REFUSED = `import { readdirSync } from "node:fs";
import { Store } from "@backloghq/opslog";
const { code, cause } = await new Store().open(process.argv[2]).then(() => ({ code: "opened" }), (error) => error);
console.log(code, code === "OPSLOG_IO" ? cause?.code : undefined);
if (readdirSync(process.argv[2]).length > 0) console.log("there are files");
`;

/** Without one of the permissions `open()` says which, and makes no file. */
function withoutPermission(folder, given) {
  const project = projectOf(folder, given);
  writeFileSync(path.join(project, "refused.mjs"), REFUSED);
  const empty = path.join(project, "empty");
  mkdirSync(empty);
  const commands = MAJORS.slice(1).flatMap((name) =>
    Object.entries(refusals).map(([kind, [flags, expected]]) => [`${name}, ${kind}`, name, flags, expected]),
  );
  return each(commands, ([name, flags, expected]) => {
    const options = [permissionModel(name), "--no-warnings", "--allow-fs-read=*", ...flags];
    const { stdout, stderr } = execute(project, given.env, [
      given.runtime(name),
      ...options,
      "refused.mjs",
      empty,
    ]);
    return stdout === expected ? "ok" : `${stdout}${stderr}`.slice(0, 400);
  });
}

/** A program whose heap was kept in a file, with the binary beside that: no addon may be loaded while the file is made. */
function startupSnapshot(folder, given) {
  const project = projectOf(path.join(folder, "project"), given, ["esbuild"]);
  writeFileSync(path.join(project, "kept.mjs"), SNAPSHOT);
  const bundle = ["esbuild", "kept.mjs", "--bundle", "--platform=node", "--outfile=kept.cjs"];
  const alone = path.join(folder, "alone");
  mkdirSync(alone);
  copyFileSync(given.binary, path.join(alone, path.basename(given.binary)));
  const kept = path.join(alone, "kept.blob");
  const made = cell(project, given.env, [
    [...bundle, "--log-level=error"],
    [given.node, "--snapshot-blob", kept, "--build-snapshot", "kept.cjs"],
    [given.node, "--eval", "console.log('works')"],
  ]);
  rmSync(project, { recursive: true });
  return made === "ok" ? cell(alone, given.env, [[given.node, "--snapshot-blob", kept, "program"]]) : made;
}

/** Folders whose names mean something in addresses or shells. Windows has no "?" in names. */
const NAMES = ["with space", "ünïcode ☃", "a#b", "a%20b%zz", "it's [1]"];
if (process.platform !== "win32") NAMES.push("q?x");

function namedFolders(folder, given) {
  const project = projectOf(path.join(folder, "project"), given);
  return each(
    NAMES.map((name) => {
      const place = path.join(folder, name);
      cpSync(project, place, { recursive: true, verbatimSymlinks: true });
      return [name, place];
    }),
    ([place]) =>
      each(
        [
          ["import", given.node, "program.mjs"],
          ["require", given.node, "required.cjs"],
        ],
        (command) => cell(place, { ...given.env, TMPDIR: place, TEMP: place }, [command]),
      ),
  );
}

/** Files that the user of the program may read and no more. */
function readOnlyModules(folder, given) {
  const project = projectOf(folder, given);
  for (const name of readdirSync(project, { recursive: true })) chmodSync(path.join(project, name), 0o555);
  const asStranger =
    process.getuid?.() === 0
      ? ["setpriv", `--reuid=${STRANGER}`, `--regid=${STRANGER}`, "--clear-groups"]
      : [];
  for (let each = project; each !== path.dirname(each); each = path.dirname(each))
    if (asStranger.length > 0) chmodSync(each, each === "/tmp" ? 0o1777 : 0o755);
  return cell(project, given.env, [[...asStranger, given.node, "program.mjs"]]);
}

/** The package as a link to another folder, as tools for many packages in one repository have it. */
function linked(folder, given) {
  const project = projectOf(folder, given);
  const scope = path.join(project, "node_modules", "@backloghq");
  mkdirSync(path.join(project, "libs", "@backloghq"), { recursive: true });
  for (const name of readdirSync(scope)) {
    renameSync(path.join(scope, name), path.join(project, "libs", "@backloghq", name));
    symlinkSync(path.join(project, "libs", "@backloghq", name), path.join(scope, name), "junction");
  }
  const preserve = ["--preserve-symlinks", "--preserve-symlinks-main"];
  return each(
    [
      ["links that are kept", given.node, ...preserve, "program.mjs"],
      ["links that are followed, the binary named", given.node, "program.mjs"],
    ],
    (command) => cell(project, { ...given.env, OPSLOG_NATIVE_PATH: given.binary }, [command]),
  );
}

/** Each of them by its name. */
export const starts = {
  "node --permission (22, 24, 26)": started(permissions, { since: 22 }),
  "node --permission, one is missing (22, 24, 26)": withoutPermission,
  "node --frozen-intrinsics (20 to 26)": started(() => ["--frozen-intrinsics"]),
  "node --disable-proto=delete (20 to 26)": started(() => ["--disable-proto=delete"]),
  "node --throw-deprecation --pending-deprecation (20 to 26)": started(() => [
    "--throw-deprecation",
    "--pending-deprecation",
  ]),
  "node --experimental-strip-types (22 to 26)": started(() => ["--experimental-strip-types"], {
    since: 22,
    file: "typed.ts",
  }),
  "NODE_COMPILE_CACHE (22 to 26)": started(() => [], {
    since: 22,
    env: (folder) => ({ NODE_COMPILE_CACHE: path.join(folder, "compiled") }),
  }),
  "startup snapshot of Node": startupSnapshot,
  "folders with unusual names": namedFolders,
  "node_modules that are read-only": readOnlyModules,
  "the package as a link": linked,
};
