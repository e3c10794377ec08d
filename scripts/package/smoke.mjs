// `node scripts/package/smoke.mjs <binary>`: uses a store with a given binary, without anything installed.

import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(import.meta.url);
const [binary] = process.argv.slice(2);
process.env.OPSLOG_NATIVE_PATH = path.resolve(binary);
require(process.env.OPSLOG_NATIVE_PATH);
const check = require("./programs/check.cjs");
console.log(
  `${process.platform} ${process.arch}, Node ${process.version}: ${await check(require("../../index.js"))}`,
);
