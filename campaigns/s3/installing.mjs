/** Installations that are made once and kept, although several processes want them at the same time. */
import { mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const BEAT_MS = 2_000;
/** A process that has not touched its lock for so long is gone. */
const GONE_MS = 30_000;

/** Takes the lock of a folder, which is a folder beside it. Returns how to give it back. */
async function lock(folder) {
  const held = `${folder}.lock`;
  await mkdir(path.dirname(held), { recursive: true });
  for (;;) {
    const error = await mkdir(held).then(
      () => null,
      (error) => error,
    );
    if (error === null) break;
    if (error.code !== "EEXIST") throw error;
    const found = await stat(held).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > GONE_MS)
      await rm(held, { recursive: true, force: true });
    await delay(200);
  }
  const beat = setInterval(() => utimes(held, new Date(), new Date()).catch(() => {}), BEAT_MS);
  return async () => {
    clearInterval(beat);
    await rm(held, { recursive: true, force: true });
  };
}

/**
 * Makes an installation in `folder` with `install()`, unless one of the same `key` is there. One process installs, the others
 * wait for it.
 */
export async function installOnce(folder, key, install) {
  const stamp = path.join(folder, "installed");
  const isThere = async () => (await readFile(stamp, "utf8").catch(() => null)) === key;
  if (await isThere()) return;
  const unlock = await lock(folder);
  try {
    if (await isThere()) return;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await install();
    await writeFile(stamp, key);
  } finally {
    await unlock();
  }
}
