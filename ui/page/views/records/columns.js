/** Columns of the table: found from the data, chosen by people. */
export const ID = "\u0000id";
export const VALUE = "\u0000value";
const FEW = 7;

/** The columns that are shown if no others were chosen: those that most records have. */
export function firstColumns(found) {
  const common = found.filter(({ share }) => share >= 0.1);
  return (common.length > 0 ? common : found).slice(0, FEW).map(({ name }) => name);
}

export const titleOf = (name) => (name === VALUE ? "value" : name);

const LEAST_WIDTH = 7;
const MOST_WIDTH = 34;
/** Letters of some scripts are as wide as two. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/gu;

function widthOf(text) {
  return text.length + (text.match(WIDE)?.length ?? 0) * 0.7;
}

/** How many letters wide each column is, that of the ids first: as wide as what stands in the first rows, within bounds. */
export function widthsOf(columns, rows) {
  const widths = [10, ...columns.map((name) => widthOf(titleOf(name)) + 3)];
  for (const { id, cells } of rows) {
    widths[0] = Math.max(widths[0], widthOf(id.slice(0, 60)));
    cells.forEach(({ text }, n) => (widths[n + 1] = Math.max(widths[n + 1], widthOf(text.slice(0, 60)))));
  }
  return widths.map((width) => Math.ceil(Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, width))));
}

/** Whether records can be sorted by a field: a dot in its name would be taken for a path. */
export const isSortable = (name) => name !== VALUE && name !== "" && !/^\$|\./.test(name);
