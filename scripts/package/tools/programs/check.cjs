// The same for programs that cannot import.

const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { life } = require("./life.cjs");

exports.check = (opslog) => life(opslog, { mkdtempSync, rmSync, tmpdir, join });
