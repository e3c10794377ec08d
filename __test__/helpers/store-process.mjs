/** The other end of processes.mjs: obeys calls for one Store; the module to test is its argument. */
import { open, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const { FsBackend, Store, acquireLock, releaseLock } = await import(process.argv[2]);
class Subclass extends FsBackend {}
const store = new Store();
const held = [];

const commands = {
  ready: () => {},
  pid: () => process.pid,
  recovery: () => store.recovery,
  recover: (folder, to) => Store.recover(folder, to),
  chdir: (folder) => process.chdir(folder),
  becomeNobody: () => process.getuid() === 0 && process.setuid(65534),
  openAt: async (time, folder, options) => {
    await delay(Math.max(0, time - Date.now()));
    await store.open(folder, options);
  },
  /** Opens through the methods of an FsBackend. */
  openSubclass: (folder, options) => store.open(folder, { ...options, backend: new Subclass() }),
  lockAndRelease: async (folder, options) => releaseLock(folder, await acquireLock(folder, options)),
  holdFile: async (path) => held.push(await open(path, "wx")) && undefined,
  writeHeldFile: (text) => held.at(-1).writeFile(text),
  writeFile: (path, text) => writeFile(path, text),
  batchSet: (entries) =>
    store.batch(() => {
      for (const [id, value] of entries) store.set(id, value);
    }),
  /** Stops this process within a transaction, until it is told to go on. */
  stopInTransaction: (id) =>
    store.transaction((tx) => {
      process.kill(process.pid, "SIGSTOP");
      tx.set(id, {});
    }),
  /** Sets several records to one value without waiting in between; tells each call's code, `null` for success. */
  setTogether: async (ids, value) => {
    const outcomes = await Promise.allSettled(ids.map((id) => store.set(id, value)));
    return outcomes.map(({ reason }) => reason?.code ?? null);
  },
  /** Writes without end and prints each id as soon as it is acknowledged. */
  writeForEver: async (prefix, makeCheckpoints) => {
    for (let n = 0; ; n++) {
      await store.set(`${prefix}-${n}`, { n, text: "x".repeat(n % 300) });
      process.stdout.write(`${prefix}-${n}\n`);
      if (makeCheckpoints && n % 500 === 499) store.compact().catch(() => {});
      if (n % 16 === 0) await delay(0);
    }
  },
};

function describe(error) {
  const { name, message, code } = error;
  return { name, message, code, causeCode: error.cause?.code };
}

process.on("message", async ({ request, method, args }) => {
  try {
    const call = commands[method] ?? ((...values) => store[method](...values));
    process.send({ request, result: await call(...args) });
  } catch (error) {
    process.send({ request, error: describe(error) });
  }
});
