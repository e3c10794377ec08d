// A registry of npm's kind with nothing but our packages, for package managers: `node registry.mjs <tarballs> <port file>`.
// It has an entry for every platform's package, as after a release, and an archive for those that are in the folder.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { platformPackage, platforms } from "../../platform-packages.mjs";

const [folder, portFile] = process.argv.slice(2);
const main = JSON.parse(readFileSync(path.join(folder, "main", "package.json"), "utf8"));
const manifests = [main, ...Object.keys(platforms).map((platform) => platformPackage(platform))];
const archiveOf = ({ name, version }) => `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;

function entryOf(manifest, host) {
  const archive = path.join(folder, archiveOf(manifest));
  const dist = { tarball: `http://${host}/${archiveOf(manifest)}` };
  if (existsSync(archive)) {
    const content = readFileSync(archive);
    dist.shasum = createHash("sha1").update(content).digest("hex");
    dist.integrity = `sha512-${createHash("sha512").update(content).digest("base64")}`;
  }
  return {
    name: manifest.name,
    "dist-tags": { latest: manifest.version },
    // Some package managers take nothing that is new.
    time: { [manifest.version]: "2025-01-01T00:00:00.000Z" },
    versions: { [manifest.version]: { ...manifest, dist } },
  };
}

const server = createServer(({ url, headers }, response) => {
  const wanted = decodeURIComponent(url).slice(1);
  const manifest = manifests.find(({ name }) => name === wanted);
  const archive = path.join(folder, path.basename(wanted));
  if (manifest !== undefined) response.end(JSON.stringify(entryOf(manifest, headers.host)));
  else if (wanted.endsWith(".tgz") && existsSync(archive)) response.end(readFileSync(archive));
  else response.writeHead(404).end();
});
server.listen(0, "127.0.0.1", () => {
  writeFileSync(`${portFile}.new`, String(server.address().port));
  renameSync(`${portFile}.new`, portFile);
});
