/** The programs of examples/ that need a bucket, as one that has installed the package and the AWS SDK runs them. */
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { blocks, promised, readDocument } from "../helpers/documents.mjs";
import { installExample } from "../../campaigns/s3/clients.mjs";
import { newWorld, s3Test } from "./server.mjs";

const run = promisify(execFile);
async function installed(t, name) {
  const folder = await installExample(name);
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const account = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };

for (const name of ["docs/s3.md", "docs/guide/s3.md"])
  s3Test(`the programs in ${name}, run twice, print what they say`, async (t) => {
    const { bucket, endpoint } = await newWorld(t);
    const folder = await installed(t, "s3");
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
  const folder = await installed(t, "s3");
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

s3Test("example fleet, on two stores, tells of every report that was acknowledged", async (t) => {
  const { bucket, endpoint } = await newWorld(t);
  const folder = await installed(t, "fleet");
  const env = { ...process.env, ...account, AWS_ENDPOINT_URL: endpoint };
  const args = [
    "--vehicles",
    "6",
    "--shards",
    "2",
    "--processes",
    "2",
    "--seconds",
    "2",
    "--every-ms",
    "200",
  ];
  const program = ["--no-warnings", "main.mjs", bucket, ...args];
  const { stdout } = await run(process.execPath, program, { cwd: folder, env });
  const [, acknowledged] = /^reports acknowledged: (\d+)$/m.exec(stdout);
  t.true(Number(acknowledged) >= 6);
  t.deepEqual(stdout.trimEnd().split("\n"), [
    "vehicles: 6 on 2 shards",
    `reports acknowledged: ${acknowledged}`,
    `reports that the control room was told of: ${acknowledged}`,
    "vehicles whose last report is lost: 0",
  ]);
});
