/** OpenStack Swift with its S3 middleware: a proxy and one server each for accounts, containers and objects. */
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { fromPypi } from "./installed.mjs";
import { answers, freePort, newFolder, startProgram } from "./program.mjs";

const run = promisify(execFile);
const version = "2.38.3";
const credentials = { accessKeyId: "test:tester", secretAccessKey: "testing" };
const KINDS = ["account", "container", "object"];

// Swift reads swift.conf where it is installed by default. An argument says where it is here.
const program = `
import sys
from swift.common import utils
utils.SWIFT_CONF_FILE = sys.argv[1]
from swift.common.utils import config
config.SWIFT_CONF_FILE = sys.argv[1]
utils.validate_configuration = lambda: utils.validate_hash_conf()
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[2], sys.argv[3]))
`;

const common = (folder, port) => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${folder}
devices = ${folder}/devices
mount_check = false
`;

const proxy = `
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth slo dlo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
auth_pipeline_check = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
`;

const storage = (kind) => `
[pipeline:main]
pipeline = ${kind}-server
[app:${kind}-server]
use = egg:swift#${kind}
`;

async function makeRing(programs, folder, kind, port) {
  const ring = path.join(folder, `${kind}.builder`);
  const build = (...args) => run(path.join(programs, "swift-ring-builder"), [ring, ...args]);
  await build("create", "4", "1", "1");
  await build("add", `r1z1-127.0.0.1:${port}/d1`, "1");
  await build("rebalance");
}

/** Starts the four servers. Returns the endpoint of the proxy, credentials, and how to stop all. */
export async function startSwift() {
  const programs = await fromPypi(`swift==${version}`, "setuptools<81");
  const folder = await newFolder("swift");
  const conf = path.join(folder, "swift.conf");
  const hash = "[swift-hash]\nswift_hash_path_suffix = opslog\nswift_hash_path_prefix = opslog\n";
  await writeFile(conf, `${hash}[storage-policy:0]\nname = gold\ndefault = yes\n`);
  await mkdir(path.join(folder, "devices", "d1"), { recursive: true });
  const started = [];
  const start = async (kind, port, content) => {
    const file = path.join(folder, `${kind}.conf`);
    await writeFile(file, common(folder, port) + content);
    started.push(startProgram(path.join(programs, "python"), ["-c", program, conf, file, `${kind}-server`]));
  };
  const stop = async () => {
    for (const one of started) await one.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const kind of KINDS) {
      const port = await freePort();
      await makeRing(programs, folder, kind, port);
      await start(kind, port, storage(kind));
    }
    const port = await freePort();
    await start("proxy", port, proxy);
    const endpoint = `http://127.0.0.1:${port}`;
    await answers(endpoint, started.at(-1), "swift");
    return { endpoint, credentials, stop, logs: () => started.map(({ log }) => log) };
  } catch (error) {
    await stop();
    throw new Error(`${error.message}\n${started.map(({ log }) => log).join("\n")}`, { cause: error });
  }
}
