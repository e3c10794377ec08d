/** Puts a folder back as it was copied, as `rm` and `cp`, `rsync` or `cp` over it do. */
import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
}

/** `becomesOther`: each file is another one afterwards. `keepsOthers`: what the copy does not have stays. */
export function putBack(copy, folder, { becomesOther, keepsOthers }) {
  const copied = filesOf(copy);
  if (!keepsOthers) {
    for (const name of filesOf(folder)) if (!copied.includes(name)) rmSync(join(folder, name));
  }
  for (const name of copied) {
    const [from, to] = [join(copy, name), join(folder, name)];
    mkdirSync(dirname(to), { recursive: true });
    if (becomesOther) {
      copyFileSync(from, `${to}.copying`);
      renameSync(`${to}.copying`, to);
    } else copyFileSync(from, to);
  }
}
