/** `opslog ls`: all records, or those with certain fields. */
import { parseCount } from "../arguments.mjs";
import { parseFilters } from "../filters.mjs";
import { reading } from "../stores.mjs";
import { Table, count, paint, printable, shown } from "../style.mjs";

/** Ends a walk early. */
const enough = Symbol("enough");

export const lsCommand = {
  summary: "list records",
  details: [
    "Prints one record a line, in the store's order. With --json: an object with id and data.",
    "A filter's value is JSON, or else plain text; --filter done=true --filter owner.name=ada",
  ],
  options: {
    filter: {
      type: "string",
      multiple: true,
      value: "field=value",
      help: "only records with this; all of several must hold",
    },
    limit: { type: "string", value: "n", help: "at most so many" },
  },
  run({ folder, values, output }) {
    const matches = parseFilters(values.filter);
    const limit = values.limit === undefined ? Infinity : parseCount(values.limit, "limit");
    return reading(folder, (store) => {
      const table = new Table(output, ["id", "record"]);
      let found = 0;
      try {
        store.count((data, id) => {
          if (!matches(data)) return false;
          if (found === limit) throw enough;
          found++;
          if (values.json) output.json({ id, data });
          else table.row(printable(id), shown(data));
          return false;
        });
      } catch (error) {
        if (error !== enough) throw error;
      }
      table.flush();
      if (values.json) return;
      const all = store.count();
      output.line(
        paint(
          "dim",
          found === all ? count(all, "record") : `${found.toLocaleString("en")} of ${count(all, "record")}`,
        ),
      );
    });
  },
};
