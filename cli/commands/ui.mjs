/** `opslog ui`: a page in the browser that looks into a store. */
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { UsageError } from "../arguments/usage-error.mjs";
import { endSignal } from "../ended.mjs";
import { complain, tell } from "../output.mjs";
import { requireStore } from "../stores.mjs";

function parsePort(text) {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new UsageError(`--port takes 0 to 65535, not "${text}"`);
  return port;
}

/** Makes sure that there is something to look at: a store, or what is left of one. */
async function requireRemains(folder) {
  try {
    await requireStore(folder);
  } catch (error) {
    const names = await readdir(folder).catch(() => []);
    if (!names.some((name) => name === "snapshots" || name === "ops")) throw error;
  }
}

export const uiCommand = {
  summary: "show the store in a browser",
  details: [
    "Serves a page for this machine alone, at an address with a random token in it, until Ctrl-C. It takes no lock and writes nothing, follows a running writer, and shows what is damaged.",
    "With --write a version of a record can be restored, and the store compacted. The folder's lock is held only while that is done.",
  ],
  examples: ["ui ./data", "ui ./data --write --port 8080"],
  options: {
    write: { type: "boolean", help: "allow restoring a version and compacting" },
    agent: {
      type: "string",
      short: "a",
      value: "id",
      help: "write as this agent, in a folder of agents (default: ui)",
    },
    port: { type: "string", value: "n", help: "listen on this port (default: any)" },
  },
  async run({ folder, values, output }) {
    const { write = false, agent, port = "0" } = values;
    const number = parsePort(port);
    await requireRemains(folder);
    const { serveUi } = await import("../../ui/server/main.mjs");
    const signal = endSignal();
    const { address, failure, close } = await serveUi(folder, { write, agent, port: number });
    if (values.json) output.json({ address, write });
    else output.line(address);
    output.flush();
    if (!values.json) {
      if (failure !== null) complain(`${failure.message} The page shows more.`);
      tell(
        write
          ? "With --write: versions can be restored, and the store compacted.\n"
          : "Read-only. Ctrl-C ends it.\n",
      );
    }
    if (!signal.aborted) await once(signal, "abort");
    await close();
  },
};
