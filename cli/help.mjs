/** The help texts, put together from what each command says of itself. */
import { optionsOf } from "./arguments.mjs";
import { paint } from "./style.mjs";

const CODES = "Exit status: 0 done, 1 damaged, missing or failed, 2 wrong command line.";

function operands(command) {
  const names = ["folder", ...(command.operands ?? [])];
  return names.map((name) => (name.endsWith("?") ? `[${name.slice(0, -1)}]` : `<${name}>`)).join(" ");
}

export function generalHelp(commands) {
  const lines = Object.entries(commands).map(([name, command]) => {
    const usage = `${name} ${operands(command)}`;
    return `  ${usage.padEnd(28)}${command.summary}`;
  });
  return [
    "Looks into a folder of @backloghq/opslog, and keeps it in order.",
    "",
    `${paint("bold", "Usage:")} opslog <command> <folder> [options]`,
    "",
    ...lines,
    "",
    '"opslog <command> --help" tells more. Only compact, import, prune, repair and revert change a store;',
    "all others take no lock and write nothing, also beside a running writer.",
    "",
    "  --version                   print the version",
    "  --help, -h                  show this help",
    "",
    CODES,
  ];
}

export function commandHelp(name, command) {
  const options = Object.entries(optionsOf(command)).map(([option, { type, short, value, help }]) => {
    const flag = `--${option}${type === "string" ? ` <${value}>` : ""}${short ? `, -${short}` : ""}`;
    return `  ${flag.padEnd(26)}${help}`;
  });
  return [
    `${command.summary[0].toUpperCase()}${command.summary.slice(1)}.`,
    "",
    `${paint("bold", "Usage:")} opslog ${name} ${operands(command)} [options]`,
    "",
    ...command.details,
    "",
    ...options,
    "",
    CODES,
  ];
}
