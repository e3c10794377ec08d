/** Real records: every package that this project's own lock files name. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);

function npmRecords(lock) {
  return Object.entries(lock.packages)
    .filter(([path]) => path !== "")
    .map(([path, entry]) => {
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      const { version, integrity, license, dependencies = {}, engines, dev = false } = entry;
      return [`npm:${path}`, { from: "npm", name, version, integrity, license, dependencies, engines, dev }];
    });
}

/** Cargo.lock is a narrow part of TOML: tables of strings and of lists of strings. */
function cargoRecords(text) {
  return text
    .split("[[package]]")
    .slice(1)
    .map((block) => {
      const field = (name) => new RegExp(`^${name} = "(.*)"$`, "m").exec(block)?.[1];
      const list = /^dependencies = \[([^\]]*)\]/m.exec(block)?.[1] ?? "";
      const dependencies = Object.fromEntries(
        [...list.matchAll(/"([^" ]+)(?: ([^" ]+))?/g)].map(([, n, v]) => [n, v ?? "*"]),
      );
      const [name, version] = [field("name"), field("version")];
      const record = { from: "cargo", name, version, integrity: field("checksum"), dependencies, dev: false };
      return [`cargo:${name}@${version}`, record];
    });
}

async function readIfThere(name) {
  return readFile(new URL(name, root), "utf8").catch((error) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}

/** Returns `[id, record]` pairs, as JSON holds them. */
export async function readRecords() {
  const [npm, cargo] = [await readIfThere("package-lock.json"), await readIfThere("Cargo.lock")];
  const records = [...(npm ? npmRecords(JSON.parse(npm)) : []), ...(cargo ? cargoRecords(cargo) : [])];
  if (records.length === 0) throw new Error(`no lock file with packages in ${fileURLToPath(root)}`);
  return JSON.parse(JSON.stringify(records));
}
