// Test frameworks, loaders of TypeScript, and programs that are packed into one file: each as a small project.

import { copyFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cell } from "./cell.mjs";

const programs = fileURLToPath(new URL("./programs/", import.meta.url));

const JEST_TEST = `const { check } = require("./check.cjs");
test("works", async () => { expect(await check(require("@backloghq/opslog"))).toBe("works"); });
`;
const FAKE_TIMERS = `const { Store } = require("@backloghq/opslog");
test("works", async () => {
  jest.useFakeTimers();
  const folder = require("node:fs").mkdtempSync(require("node:path").join(require("node:os").tmpdir(), "opslog-"));
  const store = new Store();
  await store.open(folder, { writeMode: "group" });
  for (let n = 0; n < 600; n++) store.set("id-" + n, { n });
  await store.flush();
  await store.compact();
  await store.undo();
  await store.close();
  expect(await Store.verify(folder)).toMatchObject({ ok: true });
  jest.useRealTimers();
});
`;
const VITEST_TEST = `import { test, expect } from "vitest";
import * as opslog from "@backloghq/opslog";
import { check } from "./check.mjs";
test("works", async () => { expect(await check(opslog)).toBe("works"); });
`;
const TYPED = `import { Store, type StoreOptions } from "@backloghq/opslog";
import { check } from "./check.mjs";
const options: StoreOptions = { readOnly: false };
void options;
check({ ...(await import("@backloghq/opslog")), Store }).then((said: string) => console.log(said));
`;
const TYPED_CJS = `import { Store, FsBackend, LamportClock } from "@backloghq/opslog";
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { check } = require("./check.cjs");
check({ Store, FsBackend, LamportClock }).then((said: string) => console.log(said));
`;

const VITEST_FAKE_TIMERS = FAKE_TIMERS.replace(
  'const { Store } = require("@backloghq/opslog");',
  'import { test, expect, vi } from "vitest";\nimport { createRequire } from "node:module";\nimport { Store } from "@backloghq/opslog";\nconst require = createRequire(import.meta.url);',
).replaceAll("jest.", "vi.");

/** Each tool: its packages, the files of its project, its commands, and what the last of them prints when all is well. */
export const frameworks = {
  "Jest 30, CJS": {
    packages: ["jest@30"],
    files: { "works.test.js": JEST_TEST },
    type: "commonjs",
    commands: (node) => [[node, "node_modules/jest/bin/jest.js", "--ci"]],
    expected: /1 passed/,
  },
  "Jest 30, ESM": {
    packages: ["jest@30"],
    files: {
      "works.test.mjs": VITEST_TEST.replace(
        'import { test, expect } from "vitest";',
        'import { test, expect } from "@jest/globals";',
      ),
      "jest.config.json": JSON.stringify({ testMatch: ["**/*.test.mjs"], transform: {} }),
    },
    commands: (node) => [[node, "--experimental-vm-modules", "node_modules/jest/bin/jest.js", "--ci"]],
    expected: /1 passed/,
  },
  "Jest 30, fake timers": {
    packages: ["jest@30"],
    files: { "works.test.js": FAKE_TIMERS },
    type: "commonjs",
    commands: (node) => [[node, "node_modules/jest/bin/jest.js", "--ci"]],
    expected: /1 passed/,
  },
  "ts-jest": {
    packages: ["jest@30", "ts-jest", "typescript@5.9", "@types/jest", "@types/node@20"],
    files: {
      "works.test.ts": `import * as opslog from "@backloghq/opslog";\nconst { check } = require("./check.cjs");
test("works", async () => { expect(await check(opslog)).toBe("works"); });\n`,
      "jest.config.json": JSON.stringify({ preset: "ts-jest", testEnvironment: "node" }),
      "tsconfig.json": JSON.stringify({
        compilerOptions: { esModuleInterop: true, types: ["jest", "node"] },
      }),
    },
    type: "commonjs",
    commands: (node) => [[node, "node_modules/jest/bin/jest.js", "--ci"]],
    expected: /1 passed/,
  },
  ...Object.fromEntries(
    ["threads", "forks", "vmThreads"].map((pool) => [
      `vitest, ${pool}`,
      {
        packages: ["vitest"],
        files: { "works.test.mjs": VITEST_TEST },
        commands: (node) => [[node, "node_modules/vitest/vitest.mjs", "run", `--pool=${pool}`]],
        expected: /1 passed/,
      },
    ]),
  ),
  "vitest, fake timers": {
    packages: ["vitest"],
    files: { "works.test.mjs": VITEST_FAKE_TIMERS },
    commands: (node) => [[node, "node_modules/vitest/vitest.mjs", "run"]],
    expected: /1 passed/,
  },
  "node:test": {
    packages: [],
    files: { "works.test.mjs": VITEST_TEST.replace("vitest", "node:test").replace("test, expect", "test") },
    edit: {
      "works.test.mjs": [/expect\((.+)\)\.toBe\("works"\)/, 'if (($1) !== "works") throw new Error()'],
    },
    commands: (node) => [[node, "--test", "works.test.mjs"]],
    expected: /pass 1/,
  },
  mocha: {
    packages: ["mocha"],
    files: {
      "works.spec.mjs": `import * as opslog from "@backloghq/opslog";\nimport { check } from "./check.mjs";
it("works", async () => { await check(opslog); });\n`,
    },
    commands: (node) => [[node, "node_modules/mocha/bin/mocha.js", "works.spec.mjs"]],
    expected: /1 passing/,
  },
  tsx: {
    packages: ["tsx"],
    files: { "typed.mts": TYPED },
    commands: (node) => [[node, "node_modules/tsx/dist/cli.mjs", "typed.mts"]],
  },
  "ts-node": {
    packages: ["ts-node", "typescript@5.9", "@types/node@20"],
    files: {
      "typed.ts": TYPED_CJS,
      "tsconfig.json": JSON.stringify({ compilerOptions: { module: "commonjs", esModuleInterop: true } }),
    },
    type: "commonjs",
    commands: (node) => [[node, "node_modules/ts-node/dist/bin.js", "typed.ts"]],
  },
  cluster: {
    packages: [],
    files: {
      "cluster.mjs": `import cluster from "node:cluster";
if (cluster.isPrimary) {
  const ended = [0, 1].map(() => new Promise((done) => cluster.fork().on("exit", done)));
  const codes = await Promise.all(ended);
  console.log(codes.every((code) => code === 0) ? "works" : codes);
} else {
  const { check } = await import("./check.mjs");
  await check(await import("@backloghq/opslog"));
  process.exit(0);
}
`,
    },
    commands: (node) => [[node, "cluster.mjs"]],
  },
  "two copies in one process": {
    packages: [],
    files: {
      "copies.cjs": `const { cpSync } = require("node:fs");
cpSync("node_modules/@backloghq/opslog", "other/node_modules/@backloghq/opslog", { recursive: true, dereference: true });
const one = require("@backloghq/opslog");
const other = require("./other/node_modules/@backloghq/opslog");
if (one === other) throw new Error("there is one copy only");
import("./check.mjs").then(async ({ check }) => {
  await check(one);
  console.log(await check(other));
});
`,
    },
    commands: (node) => [[node, "copies.cjs"]],
  },
};

/** The row of a tool, in a project that has it and the package installed. */
export function frameworkRow(project, env, name, node) {
  const { files, edit = {}, type = "module", commands, expected } = frameworks[name];
  cpSync(programs, project, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    const [from, to] = edit[file] ?? [/$^/, ""];
    writeFileSync(path.join(project, file), text.replace(from, to));
  }
  const manifest = { private: true, type };
  writeFileSync(path.join(project, "package.json"), `${JSON.stringify(manifest)}\n`);
  return [name, cell(project, env, commands(node), expected)];
}

/** A single executable of Node's, with the binary as an asset, in a folder with nothing else in it. */
export function singleExecutable(project, env, node, binary) {
  cpSync(programs, project, { recursive: true });
  const asset = path.basename(binary);
  copyFileSync(binary, path.join(project, asset));
  const config = {
    main: "sea.cjs",
    output: "sea.blob",
    disableExperimentalSEAWarning: true,
    assets: { [asset]: asset },
  };
  writeFileSync(path.join(project, "sea.json"), JSON.stringify(config));
  const bundle = [
    "esbuild",
    "program.mjs",
    "--bundle",
    "--platform=node",
    "--format=cjs",
    "--outfile=sea.cjs",
  ];
  const elsewhere = `${project}-elsewhere`;
  mkdirSync(elsewhere, { recursive: true });
  const program = path.join(elsewhere, "program");
  const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
  return cell(project, env, [
    [...bundle, "--log-level=error"],
    [node, "--experimental-sea-config", "sea.json"],
    ["cp", node, program],
    ["postject", program, "NODE_SEA_BLOB", "sea.blob", "--sentinel-fuse", fuse],
    ["sh", "-c", `cd ${elsewhere} && ./program`],
  ]);
}
