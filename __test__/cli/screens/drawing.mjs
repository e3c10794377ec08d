/** Draws what a terminal shows as an SVG image. */
import { widthOf } from "../../../cli/terminal/text-width.mjs";

const LINE = 19;
const COLUMN = 7.83;
const MARGIN = 16;
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

/** The image of a text, so many columns wide. */
export function draw(text, columns, title) {
  const lines = text.trimEnd().split("\n");
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
    "text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d4d4d4; white-space: pre; }",
    ".b { font-weight: bold; fill: #ffffff; } .d { fill: #9a9a9a; } .r { fill: #f14c4c; } .g { fill: #23d18b; } .m { fill: #d670d6; }",
    "</style>",
    `<rect width="${width}" height="${height}" rx="8" fill="#1e1e1e"/>`,
    ...texts.filter((each) => each !== ""),
    "</svg>",
    "",
  ].join("\n");
}
