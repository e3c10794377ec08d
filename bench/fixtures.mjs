/** Folders that workloads begin with: made once for each family of stores, and copied for each run. */
import { copyFile, link, mkdir, open, rename, rm } from "node:fs/promises";
import { constants, existsSync } from "node:fs";
import { join } from "node:path";
import { spawnChild } from "./children.mjs";
import { filesIn } from "./folders.mjs";
import { familyOf } from "./stores/index.mjs";

// Who writes a family's folders. 0.8.1 reads what ours wrote, and takes far longer to write it.
const writers = { opslog: "ours" };

// Files that are only ever replaced as a whole: a second name is as good as a copy, and leaves nothing to be
// written back to the disk during a measurement.
const immutable = /[\\/](snapshots|archive)[\\/]|\.(idx|tree)$|\.(ldb|sst)$/;

/** Copies a file and waits until it is on the disk: what is written back later would disturb a measurement. */
async function copyAndSync(from, to) {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const file = await open(to, "r+");
  await file.datasync();
  await file.close();
}

async function copyFolder(from, to) {
  for (const file of await filesIn(from)) {
    const target = join(to, file.slice(from.length + 1));
    await mkdir(join(target, ".."), { recursive: true });
    if (immutable.test(file)) await link(file, target);
    else await copyAndSync(file, target);
  }
}

export class Fixtures {
  #root;

  constructor(root) {
    this.#root = root;
  }

  /** Makes the folder unless it is there, and returns its path. */
  async #make(name, fixture) {
    const family = familyOf(name);
    const { kind, ...size } = fixture;
    const title = [family, kind, ...Object.entries(size).map(([key, value]) => `${key}-${value}`)].join("_");
    const folder = join(this.#root, title);
    if (existsSync(folder)) return folder;
    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    const task = { task: "fill", store: writers[family] ?? name, kind, size, folder: unfinished };
    await spawnChild(task, { limitMs: 1_800_000 });
    await rename(unfinished, folder);
    return folder;
  }

  /** Puts a copy at `folder`; without a fixture, an empty folder. */
  async copyTo(folder, name, fixture) {
    await mkdir(folder, { recursive: true });
    if (fixture !== undefined) await copyFolder(await this.#make(name, fixture), folder);
  }
}
