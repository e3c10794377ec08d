// Imports the package, and with a second argument loads its binary too: what a process pays before it opens a store.
import { createRequire } from "node:module";
import { entry } from "../stores/published.mjs";

const [, , , binary] = process.argv;
await import(entry);
if (binary !== undefined) createRequire(entry)("./native/opslog.linux-x64-gnu.node");
