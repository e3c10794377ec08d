// Where an example works: the folder that it was given, or a temporary one that is gone afterwards.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function withFolder(work) {
  const given = process.argv[2];
  if (given !== undefined) return work(given);
  const folder = await mkdtemp(join(tmpdir(), "opslog-example-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
