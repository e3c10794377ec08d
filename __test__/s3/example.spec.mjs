/** examples/s3, as a program that has installed the package and the AWS SDK runs it. */
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { blocks, promised, readDocument } from "../helpers/documents.mjs";
import { installClients } from "../../campaigns/s3/clients.mjs";
import { newWorld, s3Test } from "./server.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** A folder with the files of the package that finds the SDK in the folder above. */
async function installed(t) {
  const folder = path.join(await installClients(), `example-${process.pid}-${Math.random()}`);
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const place = path.join(folder, "node_modules", "@backloghq", "opslog");
  await mkdir(place, { recursive: true });
  const { files } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  for (const name of ["package.json", ...files.filter((file) => !file.startsWith("native")), "native"])
    await cp(path.join(root, name), path.join(place, name), { recursive: true });
  await cp(path.join(root, "examples", "s3", "main.mjs"), path.join(folder, "main.mjs"));
  return folder;
}

const account = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };

for (const name of ["docs/s3.md", "docs/guide/s3.md"])
  s3Test(`the programs in ${name}, run twice, print what they say`, async (t) => {
    const { bucket, endpoint } = await newWorld(t);
    const folder = await installed(t);
    const env = { ...process.env, ...account, AWS_ENDPOINT_URL: endpoint };
    for (const code of blocks(await readDocument(name), "mjs")) {
      await writeFile(
        path.join(folder, "program.mjs"),
        code.replaceAll('"my-bucket"', JSON.stringify(bucket)),
      );
      for (let n = 0; n < 2; n++) {
        // The SDK warns of the versions of Node that it will drop.
        const { stdout } = await run(process.execPath, ["--no-warnings", "program.mjs"], {
          cwd: folder,
          env,
        });
        t.deepEqual(stdout.split("\n").slice(0, -1), promised(code));
      }
    }
  });

s3Test("example s3, run by two agents one after the other, says what it says", async (t) => {
  const { bucket, endpoint } = await newWorld(t);
  const folder = await installed(t);
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
