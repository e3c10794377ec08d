// Tables as Markdown writes them.

/** A table of rows, each a list of cells. */
export function markdown(header, rows) {
  const lines = [header, header.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ").replaceAll("\n", " ")} |`).join("\n");
}
