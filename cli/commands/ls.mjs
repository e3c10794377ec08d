/** `opslog ls` and `opslog find`: all records, or those that meet conditions. */
import { parseSelection, selectionOptions } from "../arguments/selection.mjs";
import { RecordList, select } from "../records/records.mjs";
import { reading } from "../stores.mjs";
import { grouped } from "../terminal/numbers.mjs";

async function list(store, selection, values, output) {
  const { records, matched } = await select(store, selection);
  const shownList = new RecordList(output, { json: values.json, fields: selection.fields });
  for (const [id, data] of records) shownList.print(id, data);
  shownList.note({ matched, total: store.count(), isLimitGiven: values.limit !== undefined });
}

const CONDITIONS =
  'A condition is a field, an operator (=, !=, <, <=, >, >=, or ~ for a regular expression) and a value, which is JSON or else text: done=false, owner.name=Ada. Or it is a query in JSON, such as {"tags":"home"}.';

export const lsCommand = {
  summary: "list records",
  details: [
    `Prints one record a line, in the store's order, cut to the width of the terminal. With --json each line is an object with id and data, not cut.`,
    CONDITIONS,
  ],
  examples: [
    "ls ./data",
    "ls ./data --where done=false --where owner.name=ada --sort -due --limit 10",
    "ls ./data --fields title,due",
  ],
  options: {
    ...selectionOptions,
    filter: {
      type: "string",
      multiple: true,
      value: "field=value",
      help: "as --where, but for exactly this value: a list is compared as a whole",
    },
  },
  run({ folder, values, output }) {
    const selection = parseSelection(values);
    return reading(folder, (store) => list(store, selection, values, output));
  },
};

export const findCommand = {
  summary: "find records by what is in them",
  operands: ["condition..."],
  details: [
    "Prints the records that meet all conditions, one a line. With --json each line is an object with id and data.",
    CONDITIONS,
    "The operators of queries are in docs/queries.md of the package.",
  ],
  examples: [
    "find ./data done=false",
    `find ./data '{"due":{"$lt":"2026-02-01"}}' --sort due --fields title,due`,
    "find ./data title~milk --count",
  ],
  options: {
    ...selectionOptions,
    count: { type: "boolean", short: "c", help: "print only the number of records" },
  },
  run({ folder, operands, values, output }) {
    const selection = parseSelection(values, operands);
    return reading(folder, async (store) => {
      if (!values.count) return list(store, selection, values, output);
      const found = await store.countWhere(selection.query);
      if (values.json) output.json({ count: found });
      else output.line(grouped(found));
      return undefined;
    });
  },
};
