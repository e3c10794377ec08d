/**
 * Ceph's object gateway on loopback: one monitor, one manager, one OSD in memory, one gateway. Installs
 * Debian's packages if they are missing (as root). Run alone it starts the gateway, prints where it is, and
 * stops it on Ctrl-C:  node campaigns/s3/radosgw.mjs
 */
import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const packages = ["ceph-mon", "ceph-mgr", "ceph-osd", "radosgw", "ceph-common"];
const credentials = { accessKeyId: "opslog-test-key", secretAccessKey: "opslog-test-secret" };

async function install() {
  const missing = await run("radosgw", ["--version"]).then(
    () => false,
    () => true,
  );
  if (!missing) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], { env, maxBuffer: 64 << 20 });
  const args = ["install", "-y", "-qq", "--no-install-recommends", ...packages];
  await run("apt-get", args, { env, maxBuffer: 64 << 20 });
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(
    servers.map((server) => {
      server.close();
      return once(server, "close");
    }),
  );
  return ports;
}

/** Tries until it works: daemons take their time to find each other. */
async function eventually(work, attempts = 120) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === attempts) throw error;
      await delay(500);
    }
  }
}

function configuration({ fsid, folder, addresses }) {
  return `[global]
fsid = ${fsid}
mon_host = ${addresses}
keyring = ${folder}/keyring
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
run_dir = ${folder}
pid_file = ${folder}/$name.pid
admin_socket = ${folder}/$name.asok
log_file = ${folder}/$name.log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
[mon]
mon_data = ${folder}/mon
mon_data_avail_crit = 1
[mgr]
mgr_data = ${folder}/mgr
keyring = ${folder}/mgr/keyring
[osd]
osd_data = ${folder}/osd
keyring = ${folder}/osd/keyring
osd_objectstore = memstore
memstore_device_bytes = 4294967296
[client]
rgw_data = ${folder}/rgw
`;
}

/** Starts the gateway. Returns its endpoint, credentials, and how to stop it. */
export async function startRadosgw() {
  await install();
  const folder = await mkdtemp(path.join(tmpdir(), "opslog-ceph-"));
  const [v2, v1, http] = await freePorts(3);
  const addresses = `[v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]`;
  const [fsid, osd] = [randomUUID(), randomUUID()];
  const conf = path.join(folder, "ceph.conf");
  await writeFile(conf, configuration({ fsid, folder, addresses }));
  for (const name of ["mon", "mgr", "osd", "rgw"]) await mkdir(path.join(folder, name));
  const daemons = [];
  const daemon = (program, ...args) => {
    const child = spawn(program, ["-c", conf, "-f", ...args], { stdio: "ignore" });
    daemons.push({ program, child });
  };
  const stop = async () => {
    for (const { child } of daemons.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await rm(folder, { recursive: true, force: true });
  };
  const ceph = (...args) => run("ceph", ["-c", conf, "--connect-timeout", "10", ...args]);
  try {
    const monmap = path.join(folder, "monmap");
    const keyring = path.join(folder, "keyring");
    await run("monmaptool", ["--create", "--fsid", fsid, "--addv", "a", addresses, monmap]);
    const all = ["mon", "osd", "mgr", "mds"].flatMap((service) => ["--cap", service, "allow *"]);
    const key = (name) => run("ceph-authtool", [keyring, "--gen-key", "-n", name, ...all]);
    await run("ceph-authtool", ["--create-keyring", keyring]);
    for (const name of ["mon.", "client.admin"]) await key(name);
    await run("ceph-mon", ["-c", conf, "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring]);
    daemon("ceph-mon", "-i", "a");
    await eventually(() => ceph("-s"));
    const grant = (name, file, ...caps) =>
      ceph("auth", "get-or-create", name, ...caps, "-o", path.join(folder, file));
    await grant("mgr.x", "mgr/keyring", "mon", "allow profile mgr", "osd", "allow *", "mds", "allow *");
    daemon("ceph-mgr", "-i", "x");
    await ceph("osd", "new", osd);
    await grant(
      "osd.0",
      "osd/keyring",
      "mon",
      "allow profile osd",
      "mgr",
      "allow profile osd",
      "osd",
      "allow *",
    );
    await run("ceph-osd", ["-c", conf, "-i", "0", "--mkfs", "--osd-uuid", osd]);
    daemon("ceph-osd", "-i", "0");
    await eventually(async () => {
      const { stdout } = await ceph("osd", "stat", "-f", "json");
      if (JSON.parse(stdout).num_up_osds !== 1) throw new Error(`the OSD does not come up: ${stdout}`);
    });
    daemon(
      "radosgw",
      "-n",
      "client.admin",
      "--keyring",
      keyring,
      "--rgw-frontends",
      `beast endpoint=127.0.0.1:${http}`,
    );
    const endpoint = `http://127.0.0.1:${http}`;
    await eventually(async () => (await fetch(endpoint)).text());
    const { accessKeyId, secretAccessKey } = credentials;
    const keys = ["--access-key", accessKeyId, "--secret-key", secretAccessKey];
    const user = ["user", "create", "--uid", "opslog", "--display-name", "opslog", ...keys];
    await run("radosgw-admin", ["-c", conf, ...user]);
    return { endpoint, credentials, stop };
  } catch (error) {
    const logs = await Promise.all(
      ["mon.a", "osd.0", "client.admin"].map((name) =>
        readFile(path.join(folder, `${name}.log`), "utf8").catch(() => ""),
      ),
    );
    await stop();
    throw new Error(
      `the gateway does not start: ${error.message}\n${logs.map((log) => log.slice(-800)).join("\n")}`,
      {
        cause: error,
      },
    );
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = await startRadosgw();
  console.log(`${server.endpoint} ${credentials.accessKeyId} ${credentials.secretAccessKey}`);
  await once(process, "SIGINT");
  await server.stop();
}
