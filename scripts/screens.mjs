/** Writes the golden files of the command line's screens anew. Look at them before you commit them: `cat` shows the colours. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const env = { ...process.env, WRITE_SCREENS: "1" };
const { status } = spawnSync("npx", ["ava", "__test__/cli/screens.spec.mjs"], {
  cwd: root,
  env,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
