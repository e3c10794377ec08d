/** One of the eight: opens, writes and closes stores as it is told, with ours or with 0.8.1. */
const modules = JSON.parse(process.argv[2]);
const stores = {};
for (const [name, url] of Object.entries(modules)) stores[name] = (await import(url)).Store;
let store = null;

const commands = {
  ready: () => {},
  async open({ kind, folder, options }) {
    store = new stores[kind]();
    try {
      await store.open(folder, options);
    } catch (error) {
      store = null;
      throw error;
    }
  },
  write: ({ id, value }) => store.set(id, value),
  async close() {
    const closing = store;
    store = null;
    await closing.close();
  },
  /** What a fresh store finds in a folder. */
  async read({ folder, options }) {
    const reader = new stores.ours();
    await reader.open(folder, options);
    const found = reader.entries();
    await reader.close();
    return found;
  },
};

process.on("message", async ({ request, command, settings }) => {
  try {
    process.send({ request, result: await commands[command](settings) });
  } catch ({ name, code, message }) {
    process.send({ request, error: { name, code, message } });
  }
});
