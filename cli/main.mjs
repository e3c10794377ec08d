/** Runs one command and returns the exit status. */
import { readFile } from "node:fs/promises";
import { format } from "node:util";
import { commandFirst, parseCommand } from "./arguments/command-line.mjs";
import { meant, nearest } from "./arguments/nearest.mjs";
import { UsageError } from "./arguments/usage-error.mjs";
import { commands, groups, otherNames } from "./commands/index.mjs";
import { FAILED, OK, USAGE } from "./exit-codes.mjs";
import { explain } from "./explain.mjs";
import { commandHelp, generalHelp } from "./help.mjs";
import { Output, ReaderGone, complain, complainJson, tell } from "./output.mjs";

async function version() {
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  return JSON.parse(text).version;
}

function showHelp(output, status) {
  for (const line of generalHelp(groups)) output.line(line);
  return status;
}

function unknown(name) {
  if (name.startsWith("-")) return new UsageError(`there is no option ${name} without a command`);
  const other = Object.hasOwn(otherNames, name) ? otherNames[name] : nearest(name, Object.keys(commands));
  return new UsageError(`there is no command "${name}"${meant(other)}`);
}

async function run([name, ...rest], output) {
  if (name === undefined) return showHelp(output, USAGE);
  const isHelp = ["--help", "-h", "help"].includes(name);
  if (isHelp && (rest.length === 0 || rest[0].startsWith("-"))) return showHelp(output, OK);
  if (isHelp) return run([rest[0], "--help"], output);
  if (name === "--version") {
    output.line(await version());
    return OK;
  }
  if (name === "--json") return rest.length === 0 ? showHelp(output, USAGE) : run(rest, output);
  if (!Object.hasOwn(commands, name)) throw unknown(name);
  const command = commands[name];
  const { folder, operands, values } = parseCommand(command, rest);
  if (folder === ":memory:") throw new UsageError('":memory:" is no folder');
  output.folder = folder;
  if (values.help) {
    for (const line of commandHelp(name, command)) output.line(line);
    return OK;
  }
  return (await command.run({ folder, operands, values, output })) ?? OK;
}

/** Says what went wrong, and returns the status for it. */
function failed(error, args, { isJson, folder }) {
  const isUsage = error instanceof UsageError || error?.code === "OPSLOG_INVALID_ARGUMENT";
  if (isJson) {
    const { code = isUsage ? "USAGE" : "FAILED", path, offset } = error ?? {};
    complainJson({ error: { code, message: explain(error, folder), path, offset } });
  } else {
    complain(explain(error, folder));
    const name = Object.hasOwn(commands, args[0] ?? "") ? `${args[0]} ` : "";
    if (isUsage) tell(`Try "opslog ${name}--help".\n`);
  }
  return isUsage ? USAGE : FAILED;
}

/** What the package says on the console reaches no terminal as it is: it may hold the name of a file. */
function takeOverConsole(isJson) {
  const say = (...parts) => {
    const text = format(...parts).replace(/^opslog: /, "");
    if (isJson) complainJson({ warning: { message: text } });
    else complain(text);
  };
  console.error = say;
  console.warn = say;
  process.removeAllListeners("warning");
  process.on("warning", (warning) => say(warning.message));
}

export async function main(given) {
  const args = commandFirst(given, commands);
  const isJson = given.slice(0, given.includes("--") ? given.indexOf("--") : undefined).includes("--json");
  takeOverConsole(isJson);
  const output = new Output();
  try {
    output.status = await run(args, output);
    output.flush();
    return output.status;
  } catch (error) {
    try {
      output.flush();
    } catch {
      // What went wrong first is what is told.
    }
    return error instanceof ReaderGone
      ? output.status
      : failed(error, args, { isJson, folder: output.folder });
  }
}
