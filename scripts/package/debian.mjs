// Debian's archive, from which programs are taken that only try the package: as apt has it on this machine.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** The release of Debian from which they are taken. */
export const SUITE = "trixie";
/** The keys with which it is signed. Newer releases call them `.pgp`. */
const KEYS = ["gpg", "pgp"].map((end) => `/usr/share/keyrings/debian-archive-keyring.${end}`);

/** The archive's address and the file of its keys. Throws if apt knows none here. */
export function debianArchive() {
  const { stdout, error } = spawnSync("apt-get", ["indextargets", "--format", "$(SITE)"], {
    encoding: "utf8",
  });
  if (error) throw new Error(`apt-get cannot be run: ${error.message}`);
  const site = stdout.split("\n").find((name) => name.endsWith("/debian"));
  const keyring = KEYS.find((file) => existsSync(file));
  if (site === undefined || keyring === undefined) throw new Error("apt knows no archive of Debian here");
  return { site, keyring };
}
