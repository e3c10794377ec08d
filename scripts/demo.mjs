// `npm run demo`: installs and builds what is missing, then runs the demonstration in scripts/demo/.

import path from "node:path";
import { buildAddon } from "./build.mjs";
import { requireCargo, requireModules, requireNode, root, run } from "./setup.mjs";

requireNode();
requireCargo();
requireModules();
buildAddon();

const demonstration = path.join(root, "scripts", "demo", "main.mjs");
process.exitCode = run(process.execPath, [demonstration, ...process.argv.slice(2)]) ? 0 : 1;
