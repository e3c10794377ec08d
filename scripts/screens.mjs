/**
 * Writes the golden files of the command line's screens anew, and the images of them on light and dark terminals. Look at them before you
 * commit them: `cat` shows the colours of a golden file, a browser shows an image.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const env = { ...process.env, WRITE_SCREENS: "1" };
// The images are drawn from the golden files.
for (const spec of ["screens", "galleries"]) {
  const { status } = spawnSync("npx", ["ava", `__test__/cli/${spec}.spec.mjs`], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  if (status !== 0) {
    process.exitCode = status ?? 1;
    break;
  }
}
