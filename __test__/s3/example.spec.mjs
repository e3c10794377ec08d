/** examples/s3, as a program that has installed the package and the AWS SDK runs it. */
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { installClients } from "../../campaigns/s3/clients.mjs";
import { newWorld, s3Test } from "./server.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** A folder with the files of the package that finds the SDK in the folder above. */
async function installed(t) {
  const folder = path.join(await installClients(), `example-${process.pid}`);
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const place = path.join(folder, "node_modules", "@backloghq", "opslog");
  await mkdir(place, { recursive: true });
  const { files } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  for (const name of ["package.json", ...files.filter((file) => !file.startsWith("native")), "native"])
    await cp(path.join(root, name), path.join(place, name), { recursive: true });
  await cp(path.join(root, "examples", "s3", "main.mjs"), path.join(folder, "main.mjs"));
  return folder;
}

s3Test("example s3, run by two agents one after the other, says what it says", async (t) => {
  const { bucket, endpoint } = await newWorld(t);
  const folder = await installed(t);
  const account = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
  const env = { ...process.env, ...account, AWS_ENDPOINT_URL: endpoint };
  for (const [agentId, count] of [
    ["worker-7", 102],
    ["worker-8", 203],
  ]) {
    const { stdout } = await run(process.execPath, ["main.mjs", bucket, "inventory", agentId], {
      cwd: folder,
      env,
    });
    const lines = [`102 operations since the last look, ${count} records`, `{ agentId: '${agentId}' }`];
    t.deepEqual(stdout.trimEnd().split("\n"), lines);
  }
});
