/** Installs the S3 client and the published opslog-s3, which see the package of this checkout. */
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { bundleFacade } from "../../scripts/package/facade.mjs";
import { installOnce } from "./installing.mjs";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../..", import.meta.url));
const cache = path.join(project, "node_modules", ".cache", "opslog-s3");
const dependencies = { "@aws-sdk/client-s3": "^3.800.0", "@backloghq/opslog-s3": "0.4.1" };

/** Returns the folder of the installation, which is made once and kept. */
export async function installClients() {
  await installOnce(cache, JSON.stringify(dependencies), async () => {
    await writeFile(path.join(cache, "package.json"), JSON.stringify({ private: true, dependencies }));
    const options = { cwd: cache, shell: process.platform === "win32", maxBuffer: 64 << 20 };
    await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"], options);
    const installed = path.join(cache, "node_modules", "@backloghq", "opslog");
    await rm(installed, { recursive: true, force: true });
    await symlink(project, installed, "junction");
  });
  // The entry as it is published: from here it finds the client that is installed beside it.
  const temporary = path.join(cache, `s3.${process.pid}.cjs`);
  await writeFile(temporary, bundleFacade("s3.js").code);
  await rename(temporary, path.join(cache, "s3.cjs"));
  return cache;
}

/** A folder with a program of examples/, whose package is a copy that finds the SDK in the folder above. Who made it removes it. */
export async function installExample(name) {
  const folder = path.join(await installClients(), `example-${process.pid}-${Math.random()}`);
  const place = path.join(folder, "node_modules", "@backloghq", "opslog");
  await mkdir(place, { recursive: true });
  const { files } = JSON.parse(await readFile(path.join(project, "package.json"), "utf8"));
  for (const file of ["package.json", ...files.filter((file) => !file.startsWith("native")), "native"])
    await cp(path.join(project, file), path.join(place, file), { recursive: true });
  await cp(path.join(project, "examples", name), folder, { recursive: true });
  return folder;
}

export const requireInstalled = createRequire(path.join(cache, "package.json"));
const importInstalled = (...names) => import(pathToFileURL(path.join(cache, ...names)).href);

/** What a client of a server on this machine needs to know. */
export function s3Config(endpoint, credentials = { accessKeyId: "test", secretAccessKey: "test" }) {
  return { endpoint, region: "us-east-1", forcePathStyle: true, credentials };
}

export function s3Client(endpoint, credentials) {
  const { S3Client } = requireInstalled("@aws-sdk/client-s3");
  return new S3Client(s3Config(endpoint, credentials));
}

export async function createBucket(client, bucket) {
  const { CreateBucketCommand } = requireInstalled("@aws-sdk/client-s3");
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
}

/** A backend: `opslog-s3`, the published package, or `s3`, the entry of this one. */
export async function s3Backend(kind, options) {
  const { S3Backend } = await (kind === "s3"
    ? importInstalled("s3.cjs")
    : importInstalled("node_modules", "@backloghq", "opslog-s3", "dist", "index.js"));
  return new S3Backend(options);
}
