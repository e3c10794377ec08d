/** The help texts, put together from what each command says of itself. */
import { operandsOf, optionsOf } from "./arguments/command-line.mjs";
import { paint } from "./terminal/colours.mjs";
import { textWidth } from "./terminal/size.mjs";
import { pad, widthOf, wrap } from "./terminal/text-width.mjs";

const CODES = "Exit status: 0 done, 1 damaged, missing or failed, 2 wrong command line.";

const paragraph = (text) => wrap(text, textWidth);
const heading = (text) => paint("bold", text);
const usage = (text) => paragraph(`Usage: ${text}`).map((line) => line.replace("Usage:", heading("Usage:")));

/** Names, and behind them what they mean: as a column, or below where there is no room for one. */
function definitions(rows, column) {
  const room = textWidth - column - 2;
  return rows.flatMap(([name, text]) => {
    const lines = wrap(text, room >= 24 ? room : textWidth - 6);
    const isBeside = room >= 24 && name.length < column;
    if (isBeside) return lines.map((line, at) => `  ${pad(at === 0 ? name : "", column)}${line}`);
    const indent = room >= 24 ? column + 2 : 6;
    return [`  ${name}`, ...lines.map((line) => " ".repeat(indent) + line)];
  });
}

function operands(command) {
  return operandsOf(command)
    .map((name) =>
      name.endsWith("?")
        ? `[${name.slice(0, -1)}]`
        : name.endsWith("...")
          ? `<${name.slice(0, -3)}>...`
          : `<${name}>`,
    )
    .join(" ");
}

/** A command line that goes on in the next line where it is wider than the terminal, as a shell takes it. */
function commandLines(text) {
  const lines = [];
  for (const piece of text.split(/ (?=--|\| )/)) {
    const longer = lines.length === 0 ? piece : `${lines.at(-1)} ${piece}`;
    if (lines.length === 0 || widthOf(longer) > textWidth - 8) lines.push(piece);
    else lines[lines.length - 1] = longer;
  }
  return lines.map((line, at) => `${line}${at < lines.length - 1 ? " \\" : ""}`);
}

const examples = (texts) =>
  texts.flatMap((text) =>
    commandLines(`opslog ${text}`).map((line, at) =>
      at === 0 ? `  ${paint("dim", "$")} ${line}` : `      ${line}`,
    ),
  );

export function generalHelp(groups) {
  const column = 30;
  const lines = [];
  for (const [title, commands] of Object.entries(groups)) {
    const rows = Object.entries(commands).map(([name, command]) => [
      `${name} ${operands(command)}`,
      command.summary,
    ]);
    lines.push(heading(title), ...definitions(rows, column), "");
  }
  return [
    ...paragraph("Looks into a folder of @backloghq/opslog, changes records in it, and keeps it in order."),
    "",
    ...usage("opslog <command> <folder> [options]"),
    "",
    ...lines,
    heading("Options of all commands"),
    ...definitions(
      [
        ["--json", "print JSON, for programs"],
        ["-h, --help", "show the help of a command"],
        ["--version", "print the version"],
      ],
      column,
    ),
    "",
    heading("Examples"),
    ...examples([
      "ls ./data --where done=false --sort -due",
      "history ./data task-1",
      "set ./data task-1 '{\"done\":true}' --patch",
    ]),
    "",
    ...paragraph(
      "The commands to look and to look back, verify, backup and export take no lock and write nothing into the store, also beside a running writer.",
    ),
    ...paragraph(CODES),
  ];
}

export function commandHelp(name, command) {
  const options = Object.entries(optionsOf(command)).map(([option, { type, short, value, help }]) => [
    `${short ? `-${short}, ` : ""}--${option}${type === "string" ? ` <${value}>` : ""}`,
    help,
  ]);
  return [
    ...paragraph(`${command.summary[0].toUpperCase()}${command.summary.slice(1)}.`),
    "",
    ...usage(`opslog ${name} ${operands(command)} [options]`),
    "",
    ...command.details.flatMap((text) => [...paragraph(text), ""]),
    heading("Options"),
    ...definitions(options, 26),
    "",
    heading("Examples"),
    ...examples(command.examples),
    "",
    ...paragraph(CODES),
  ];
}
