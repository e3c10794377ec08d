/** In a process of its own: makes every call of the addon's test build panic, and prints what came of each. */
import { mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Store } from "../../index.mjs";
import { callsOf, nativeCalls, now, rustName } from "./native-calls.mjs";

const [addonPath, root] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(addonPath);
const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

function options(agent) {
  const flags = {
    readOnly: false,
    skipLoad: false,
    versionGiven: false,
    amortised: false,
    strict: false,
    buffered: false,
  };
  return { ...flags, version: 1, checkpointThreshold: 1e9, syncWithin: -1, agent, now };
}

const open = (folder, agent) => addon.storeOpen(folder, options(agent), new addon.NativeProgress());

async function prepared(agent) {
  const folder = mkdtempSync(join(root, "store-"));
  const store = new Store();
  await store.open(folder, { ...manual, agentId: agent });
  await store.set("a", { n: 1 });
  await store.set("b", { n: 1 });
  await store.close();
  return folder;
}

/** What a fresh store finds, as JSON. */
async function found(folder, agent) {
  const store = new Store();
  await store.open(folder, { ...manual, agentId: agent });
  const entries = store.entries();
  await store.close();
  return JSON.stringify(entries.filter(([id]) => id !== "after"));
}

/** The code of the error that a call ends with. */
async function codeOf(run) {
  try {
    await run();
    return null;
  } catch (error) {
    return error.message.startsWith("{") ? JSON.parse(error.message).code : error.message;
  }
}

async function makeCall(name, place) {
  const { agent, prepare, call } = nativeCalls[name];
  const folder = await prepared(agent);
  const before = await found(folder, agent);
  const core = await open(folder, agent);
  const context = { addon, core, folder, other: mkdtempSync(join(root, "other-")) };
  context.wal = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")).activeOps;
  context.openOther = () => open(context.other);
  context.made = await prepare?.(context);
  if (place !== null) process.env.INJECT_PANIC = `${place}:${rustName(name)}`;
  const code = await codeOf(() => call(context));
  delete process.env.INJECT_PANIC;
  // The store answers, and takes a write or refuses it.
  const count = core.count();
  const write = await codeOf(() => addon.setRecord(core.handle(), "after", "1", now, true));
  await codeOf(() => core.close());
  return { code, count, write, before, after: await found(folder, agent) };
}

for (const name of callsOf(addon)) {
  const normal = nativeCalls[name] && (await makeCall(name, null));
  for (const place of ["before", "after", "finish"]) {
    const result = nativeCalls[name] && (await makeCall(name, place));
    process.stdout.write(`${JSON.stringify({ name, place, normal, ...result })}\n`);
  }
}
process.stdout.write("done\n");
