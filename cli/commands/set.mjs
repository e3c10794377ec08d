/** `opslog set`: creates or replaces one record. */
import { UsageError } from "../arguments/usage-error.mjs";
import { textOf, withoutMark } from "../exchange/lines.mjs";
import { complain } from "../output.mjs";
import { differences } from "../records/differences.mjs";
import { createOption, willCreate, writerOptions, writing } from "../stores.mjs";
import { jsonOf } from "../terminal/json.mjs";
import { printable } from "../terminal/printable.mjs";
import { printDifferences } from "./diff.mjs";

async function textFromStdin() {
  if (process.stdin.isTTY) throw new UsageError("<value> is missing");
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return textOf(withoutMark(Buffer.concat(chunks)));
}

function parseValue(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    const isWord = /^[^\s"{[]+$/.test(text);
    throw new UsageError(
      `the value is no JSON: ${error.message}${isWord ? `; a text stands in quotes, '"${text}"'` : ""}`,
    );
  }
}

/** A record with some of its fields replaced. */
function patched(before, fields) {
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(fields)) throw new UsageError("--patch takes an object of fields");
  if (before !== undefined && !isObject(before))
    throw new UsageError("--patch needs a record that is an object");
  return { ...before, ...fields };
}

export const setCommand = {
  summary: "create or replace one record",
  operands: ["id", "value?"],
  details: [
    "The value is JSON, as an argument or from stdin. Prints what changed. The folder must hold a store, or --create makes one.",
    "Needs the folder's lock. In a folder of agents, use --agent while agents have it open.",
  ],
  examples: [
    `set ./data task-1 '{"title":"Buy milk"}' --create`,
    `set ./data task-1 '{"done":true}' --patch`,
    "set ./data task-1 < task.json",
  ],
  options: {
    patch: { type: "boolean", help: "replace these fields, and keep the others" },
    ...createOption,
    ...writerOptions,
  },
  async run({ folder, operands: [id, argument], values, output }) {
    const value = parseValue(argument === undefined || argument === "-" ? await textFromStdin() : argument);
    await willCreate(folder, { create: values.create, ask: true });
    const { agent, locking } = values;
    const { before, after } = await writing(folder, { agent, locking }, (store) =>
      store.transaction((tx) => {
        const before = tx.get(id);
        const after = values.patch ? patched(before, value) : value;
        const text = jsonOf(before);
        tx.set(id, after);
        return { before: text === undefined ? undefined : JSON.parse(text), after };
      }),
    );
    if (values.json) {
      output.json({ id, created: before === undefined, data: after });
      return;
    }
    output.line(
      `${printable(id)}: ${before === undefined ? "created" : values.patch ? "changed" : "replaced"}`,
    );
    if (before === undefined) return;
    const lines = differences(before, after);
    if (lines.length > 0) printDifferences(output, lines);
    else complain("the record was the same before");
  },
};
