// Links in Markdown that is read outside of the repository: in a package, and on the registry's page.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../setup.mjs";

const LINK = /\]\((?!https?:|mailto:)([^)\s]+)\)/g;

/** What GitHub makes of a heading. */
const anchorOf = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

function anchorsOf(text) {
  const prose = text.replaceAll(/^```[^]*?^```/gm, "");
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading));
}

/** Links of a Markdown file of the repository that lead nowhere: to no file of it, or to no heading. */
export function brokenLinks(name) {
  const text = readFileSync(path.join(root, name), "utf8");
  const leadsNowhere = (link) => {
    const [file, anchor] = link.split("#");
    const target = file === "" ? name : path.join(path.dirname(name), file);
    if (!existsSync(path.join(root, target))) return true;
    if (anchor === undefined || !target.endsWith(".md")) return false;
    return !anchorsOf(readFileSync(path.join(root, target), "utf8")).includes(anchor);
  };
  return [...text.matchAll(LINK)].map(([, link]) => link).filter(leadsNowhere);
}

/** The text of a Markdown file with its links to other files of the repository made into links to that version of them. */
export function withAbsoluteLinks(name, { repository, version }) {
  const home = repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
  const text = readFileSync(path.join(root, name), "utf8");
  return text.replaceAll(LINK, (whole, link) => {
    if (link.startsWith("#")) return whole;
    const target = path.posix.join(path.posix.dirname(name), link);
    return `](${home}/blob/v${version}/${target})`;
  });
}
