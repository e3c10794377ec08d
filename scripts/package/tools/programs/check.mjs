import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { life } from "./life.cjs";

export const check = (opslog) => life(opslog, { mkdtempSync, rmSync, tmpdir, join });
