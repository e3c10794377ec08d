/** Draws what a terminal shows as an SVG image. */
import { widthOf } from "../../../cli/terminal/text-width.mjs";

const LINE = 19;
const COLUMN = 7.83;
const MARGIN = 16;
/** What a terminal shows with these colours: text, bold text, dim text, red, green, magenta, and what is behind them. */
export const THEMES = {
  dark: {
    text: "#d4d4d4",
    b: "#ffffff",
    d: "#9a9a9a",
    r: "#f14c4c",
    g: "#23d18b",
    m: "#d670d6",
    behind: "#1e1e1e",
  },
  light: {
    text: "#333333",
    b: "#000000",
    d: "#6e6e6e",
    r: "#cd3131",
    g: "#107c10",
    m: "#bc05bc",
    behind: "#ffffff",
  },
};
const STYLES = { 1: "b", 2: "d", 31: "r", 32: "g", 35: "m" };

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** A line with codes for colours as parts, each with its class. */
function partsOf(line) {
  let style = "";
  return line
    .split("\u001b")
    .map((part, at) => {
      if (at === 0) return part;
      const [whole, code] = /^\[(\d+)m/.exec(part);
      style = STYLES[code] ?? "";
      return part.slice(whole.length) === ""
        ? ""
        : `<tspan class="${style}">${escaped(part.slice(whole.length))}</tspan>`;
    })
    .map((part, at) => (at === 0 ? escaped(part) : part.replace(' class=""', "")))
    .join("");
}

/** A line as a terminal breaks it. Lines with colours are never wider than the terminal. */
function brokenLine(line, columns) {
  if (line.includes("\u001b")) return [line];
  const parts = [""];
  let width = 0;
  for (const sign of line) {
    width += widthOf(sign);
    if (width > columns) {
      parts.push("");
      width = widthOf(sign);
    }
    parts[parts.length - 1] += sign;
  }
  return parts;
}

const isClass = (name) => name.length === 1;

/** The image of a text, so many columns wide, on a dark or a light terminal. */
export function draw(text, columns, title, theme = "dark") {
  const colours = THEMES[theme];
  const classes = Object.entries(colours).filter(([name]) => isClass(name));
  const rules = classes.map(
    ([name, fill]) => `.${name} { ${name === "b" ? "font-weight: bold; " : ""}fill: ${fill}; }`,
  );
  const lines = text
    .trimEnd()
    .split("\n")
    .flatMap((line) => brokenLine(line, columns));
  const [width, height] = [Math.round(columns * COLUMN) + 2 * MARGIN, lines.length * LINE + 2 * MARGIN];
  const plain = (line) =>
    line
      .split("\u001b")
      .map((part, at) => (at === 0 ? part : part.replace(/^\[\d+m/, "")))
      .join("");
  const texts = lines.map((line, at) => {
    const length = (widthOf(plain(line)) * COLUMN).toFixed(1);
    const isCommand = line.startsWith("$ ");
    const content = isCommand
      ? `<tspan class="g">$</tspan> <tspan class="b">${escaped(line.slice(2))}</tspan>`
      : partsOf(line);
    return line === ""
      ? ""
      : `<text x="${MARGIN}" y="${MARGIN + at * LINE + 14}" textLength="${length}">${content}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    "<style>",
    `text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: ${colours.text}; white-space: pre; }`,
    rules.join(" "),
    "</style>",
    `<rect width="${width}" height="${height}" rx="8" fill="${colours.behind}"/>`,
    ...texts.filter((each) => each !== ""),
    "</svg>",
    "",
  ].join("\n");
}
