/** Takes a command line apart: `node:util` finds options and operands, what is wrong is said in words. */
import { parseArgs } from "node:util";
import { meant, nearest } from "./nearest.mjs";
import { UsageError } from "./usage-error.mjs";

const common = {
  json: { type: "boolean", help: "print JSON, for programs" },
  help: { type: "boolean", short: "h", help: "show this help" },
};

/** All options of a command. */
export function optionsOf(command) {
  return { ...command.options, ...common };
}

/** The names of a command's operands: with `?` the last may be left out, with `...` there may be several of it. */
export function operandsOf(command) {
  return [...(command.isOfNoFolder ? [] : ["folder"]), ...(command.operands ?? [])];
}

const parserOptions = (options) =>
  Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [
      name,
      { type, multiple: true, ...(short !== undefined && { short }) },
    ]),
  );

/** What options are given, each with its last value, or all of its values where it may be given several times. */
function valuesOf(tokens, options) {
  const values = {};
  const flags = Object.keys(options).map((name) => `--${name}`);
  for (const { name, rawName, value, inlineValue } of tokens.filter(({ kind }) => kind === "option")) {
    if (!Object.hasOwn(options, name)) {
      if (/^-\d$/.test(rawName))
        throw new UsageError(
          `there is no option ${rawName}; an argument that begins with "-" stands behind "--", a time needs no "-"`,
        );
      const isId = rawName.length > 2 && !rawName.startsWith("--");
      const hint = isId ? "" : meant(nearest(rawName, flags));
      throw new UsageError(
        `there is no option ${rawName}${hint}${hint === "" ? '; an argument that begins with "-" stands behind "--"' : ""}`,
      );
    }
    const { type, multiple = false } = options[name];
    const isFlagInstead = !inlineValue && flags.includes(value);
    if (type === "string" && (value === undefined || isFlagInstead))
      throw new UsageError(`${rawName} needs a value`);
    if (type === "boolean" && value !== undefined) throw new UsageError(`${rawName} takes no value`);
    const given = type === "boolean" ? true : value;
    values[name] = multiple ? [...(values[name] ?? []), given] : given;
  }
  return values;
}

function checkOperands(wanted, given) {
  for (const [at, name] of wanted.entries())
    if (!name.endsWith("?") && (given[at] ?? "") === "")
      throw new UsageError(`<${name.replace("...", "")}> is missing`);
  const isEndless = wanted.at(-1)?.includes("...");
  if (given.length > wanted.length && !isEndless) throw new UsageError(`what is "${given[wanted.length]}"?`);
}

/** Returns `{ folder, operands, values }` of a command's arguments. */
export function parseCommand(command, args) {
  const options = optionsOf(command);
  const { tokens, positionals } = parseArgs({
    args,
    options: parserOptions(options),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const values = valuesOf(tokens, options);
  if (values.help) return { values };
  checkOperands(operandsOf(command), positionals);
  const [folder, ...operands] = command.isOfNoFolder ? [undefined, ...positionals] : positionals;
  return { folder, operands, values };
}

/**
 * Puts the command first where options stand before it: `--json ls data` is `ls --json data`. Options that have a value are known
 * from all commands, so that a value is not taken for a command.
 */
export function commandFirst(args, commands) {
  const withValue = new Set();
  for (const command of Object.values(commands))
    for (const [name, { type, short }] of Object.entries(optionsOf(command)))
      if (type === "string") withValue.add(`--${name}`).add(`-${short}`);
  let at = 0;
  while (at < args.length && args[at].startsWith("-") && args[at] !== "--")
    at += withValue.has(args[at]) ? 2 : 1;
  if (at === 0 || at >= args.length) return args;
  return [args[at], ...args.slice(0, at), ...args.slice(at + 1)];
}
