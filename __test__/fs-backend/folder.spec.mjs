/** FsBackend in a folder: initialize(), and folders that go away. */
import fs from "node:fs/promises";
import path from "node:path";
import test from "ava";
import { FsBackend, windows, alone, backends, set } from "../helpers/fs-backends.mjs";
import { temporaryFolder } from "../helpers/store-folder.mjs";

test("initialize(), on a new folder, creates the folders of a store", async (t) => {
  const { folder } = await backends(t);
  t.deepEqual((await fs.readdir(folder)).sort(), ["archive", "ops", "snapshots"]);
});

test("initialize(), read-only, writes nothing", async (t) => {
  const folder = await temporaryFolder(t);
  await new FsBackend().initialize(folder, { readOnly: true });
  t.deepEqual(await fs.readdir(folder), []);
});

alone("initialize(), with a relative folder, means the folder of that moment", async (t) => {
  const folder = await temporaryFolder(t);
  const before = process.cwd();
  t.teardown(() => process.chdir(before));
  process.chdir(folder);
  const backend = new FsBackend();
  await backend.initialize("store", { readOnly: false });
  process.chdir("/");
  const created = await backend.createOpsFile();
  await fs.access(path.join(folder, "store", created));
  t.pass();
});

test("initialize(), called for a second folder, moves the backend there", async (t) => {
  const { folder, ours } = await backends(t);
  await ours.initialize(path.join(folder, "second"), { readOnly: false });
  await ours.writeBlob("x", Buffer.from("1"));
  await fs.access(path.join(folder, "second", "x"));
  t.pass();
});

test("initialize(), where a file is in the way, rejects with OPSLOG_IO", async (t) => {
  const folder = await temporaryFolder(t);
  await fs.writeFile(path.join(folder, "file"), "");
  const error = await t.throwsAsync(
    new FsBackend().initialize(path.join(folder, "file"), { readOnly: false }),
    {
      code: "OPSLOG_IO",
    },
  );
  t.is(error.syscall, "mkdir");
  t.true(["ENOTDIR", "EEXIST"].includes(error.cause.code));
});

test("writes, where a folder of the store is gone, reject with OPSLOG_IO and Node's code as the cause's", async (t) => {
  const { folder, ours } = await backends(t);
  for (const name of ["snapshots", "ops", "archive"]) {
    await fs.rm(path.join(folder, name), { recursive: true });
    await fs.writeFile(path.join(folder, name), "in the way");
  }
  const writes = [
    () => ours.writeSnapshot(new Map(), 1),
    () => ours.createOpsFile(),
    () => ours.createAgentOpsFile("a"),
    () => ours.writeArchiveSegment("x", new Map()),
    () => ours.appendOps("ops/ops-1.jsonl", [set("a", 1)]),
  ];
  for (const write of writes) {
    const error = await t.throwsAsync(write(), { code: "OPSLOG_IO" });
    // Windows tells some calls that there is no such path.
    t.true(["ENOTDIR", windows && "ENOENT"].includes(error.cause.code), error.cause.code);
    t.is(error.message, error.cause.message);
  }
});
