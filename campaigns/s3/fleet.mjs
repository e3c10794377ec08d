/**
 * Runs examples/fleet on an S3 server that it starts on this machine:
 *   node campaigns/s3/fleet.mjs --server moto|radosgw [options of the example]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createBucket, installExample, s3Client } from "./clients.mjs";
import { startServer } from "./servers.mjs";

const given = process.argv.slice(2);
const at = given.indexOf("--server");
const [, name = "radosgw"] = at < 0 ? [] : given.splice(at, 2);

const folder = await installExample("fleet");
const server = await startServer(name);
try {
  const { accessKeyId, secretAccessKey } = server.credentials ?? {
    accessKeyId: "test",
    secretAccessKey: "test",
  };
  const client = s3Client(server.endpoint, server.credentials);
  await createBucket(client, "fleet");
  client.destroy();
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    NODE_NO_WARNINGS: "1",
  };
  const child = spawn(process.execPath, ["main.mjs", "fleet", ...given], {
    cwd: folder,
    env,
    stdio: "inherit",
  });
  [process.exitCode] = await once(child, "exit");
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
