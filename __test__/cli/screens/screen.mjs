/** One screen: what a command shows on a terminal of a given width. */
import { cp, rm } from "node:fs/promises";
import { runOnTerminal } from "../../helpers/cli.mjs";
import { SHOWN, makeHome } from "./folders.mjs";

// Words of a command line that a shell would take apart.
const quoted = (word) => (/^[\w./=:,-]+$/.test(word) ? word : `'${word}'`);

export const commandLine = (args) => `$ opslog ${args.map(quoted).join(" ")}`;

/** What is left on the terminal of a text in which a bar is drawn and taken away again. */
function withoutBar(text) {
  const parts = text.split("\r\u001b[K");
  return parts.length === 1 ? text : parts[0] + parts.at(-1);
}

const cleaned = (shown, home) =>
  withoutBar(shown)
    .replaceAll("\r\n", "\n")
    .replaceAll(home, SHOWN)
    .replaceAll(/snap-\d{13}/g, "snap-1769850000000");

/** Runs commands in a copy of the folders. Returns what each shows, with the codes for colours. */
async function showAll(folders, commands, columns) {
  const home = await makeHome();
  try {
    await cp(folders, home, { recursive: true });
    const texts = [];
    for (const args of commands) {
      const { shown } = await runOnTerminal(args, { columns, cwd: home });
      texts.push(cleaned(shown, home));
    }
    return texts;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** What one command shows. */
export async function showScreen(folders, args, columns) {
  const [text] = await showAll(folders, [args], columns);
  return text;
}

/** Commands one after the other, each behind its command line. */
export async function showSession(folders, commands, columns) {
  const texts = await showAll(folders, commands, columns);
  return texts.map((text, at) => `${commandLine(commands[at])}\n${text}`).join("\n");
}
