/** Runs one command and returns the exit status. */
import { readFile } from "node:fs/promises";
import { UsageError, parseCommand } from "./arguments.mjs";
import { commands } from "./commands/index.mjs";
import { FAILED, OK, USAGE } from "./exit-codes.mjs";
import { explain } from "./explain.mjs";
import { commandHelp, generalHelp } from "./help.mjs";
import { Output, ReaderGone, jsonText, tell } from "./output.mjs";
import { paint } from "./style.mjs";

async function version() {
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  return JSON.parse(text).version;
}

async function run([name, ...rest], output) {
  if (name === undefined || name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
    for (const line of generalHelp(commands)) output.line(line);
    return name === undefined ? USAGE : OK;
  }
  if (name === "--version") {
    output.line(await version());
    return OK;
  }
  if (name === "help") return run([rest[0], "--help"], output);
  if (!Object.hasOwn(commands, name)) {
    const what = name.startsWith("-") ? "option" : "command";
    throw new UsageError(`there is no ${what} "${name}"`);
  }
  const command = commands[name];
  const { folder, operands, values } = parseCommand(command, rest);
  if (values.help) {
    for (const line of commandHelp(name, command)) output.line(line);
    return OK;
  }
  return (await command.run({ folder, operands, values, output })) ?? OK;
}

/** Says what went wrong, and returns the status for it. */
function failed(error, args) {
  const isUsage = error instanceof UsageError || error?.code === "OPSLOG_INVALID_ARGUMENT";
  if (args.includes("--json")) {
    const { code = isUsage ? "USAGE" : "FAILED", path, offset } = error ?? {};
    tell(jsonText({ error: { code, message: explain(error), path, offset } }));
  } else {
    tell(`${paint("red", "opslog:")} ${explain(error)}`);
    const name = Object.hasOwn(commands, args[0] ?? "") ? `${args[0]} ` : "";
    if (isUsage) tell(`Try "opslog ${name}--help".`);
  }
  return isUsage ? USAGE : FAILED;
}

export async function main(args) {
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
    return error instanceof ReaderGone ? output.status : failed(error, args);
  }
}
