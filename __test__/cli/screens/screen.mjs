/** One screen: what a command shows on a terminal of a given width. */
import { cp, rm } from "node:fs/promises";
import { runOnTerminal } from "../../helpers/cli.mjs";
import { SHOWN, makeHome } from "./folders.mjs";

// Words of a command line that a shell would take apart.
const quoted = (word) => (/^[\w./=:-]+$/.test(word) ? word : `'${word}'`);

export const commandLine = (args) => `$ opslog ${args.map(quoted).join(" ")}`;

/** What is left on the terminal of a text in which a bar is drawn and taken away again. */
function withoutBar(text) {
  const parts = text.split("\r\u001b[K");
  return parts.length === 1 ? text : parts[0] + parts.at(-1);
}

/** Runs the command in a copy of the folders. Returns what it shows, with the codes for colours. */
export async function showScreen(folders, args, columns) {
  const home = await makeHome();
  try {
    await cp(folders, home, { recursive: true });
    const { shown } = await runOnTerminal(args, { columns, cwd: home });
    return withoutBar(shown)
      .replaceAll("\r\n", "\n")
      .replaceAll(home, SHOWN)
      .replaceAll(/snap-\d{13}/g, "snap-1769850000000");
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
