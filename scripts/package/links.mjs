// Links in Markdown that is read outside of the repository: in a package, and on the registry's page.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../setup.mjs";

const LINK = /(!?)\[([^\]]*)\]\((?!https?:|mailto:)([^)\s]+)\)/g;

/** Where the files of the repository are on the web: on the branch, or as they are in a version. */
function homes({ repository }, version) {
  const home = repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
  const raw = home.replace("https://github.com/", "https://raw.githubusercontent.com/");
  return version === undefined
    ? [`${home}/blob/main/`, `${raw}/main/`]
    : [`${home}/blob/v${version}/`, `${raw}/v${version}/`];
}

const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

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
  const own = homes(manifest);
  const leadsNowhere = (link) => {
    const home = own.find((each) => link.startsWith(each)) ?? "";
    const [file, anchor] = link.slice(home.length).split("#");
    const target = home !== "" ? file : file === "" ? name : path.join(path.dirname(name), file);
    if (!existsSync(path.join(root, target))) return true;
    if (anchor === undefined || !target.endsWith(".md")) return false;
    return !anchorsOf(readFileSync(path.join(root, target), "utf8")).includes(anchor);
  };
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
  const isOwn = (link) => !/^(https?|mailto):/.test(link) || own.some((each) => link.startsWith(each));
  return links.filter(isOwn).filter(leadsNowhere);
}

/** The files of the repository that a Markdown file links to, as paths from the repository's folder. */
function linked(name) {
  const text = readFileSync(path.join(root, name), "utf8");
  const own = homes(manifest);
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => {
    const home = own.find((each) => link.startsWith(each));
    if (home === undefined && /^([a-z]+:|#)/.test(link)) return undefined;
    const [file] = link.slice(home?.length ?? 0).split("#");
    return home === undefined ? path.posix.join(path.posix.dirname(name), file) : file;
  });
  return targets.filter((target) => target !== undefined);
}

/** The Markdown files that are published: the README, the list of changes, and all that one gets to from there. */
export function publishedDocuments() {
  const found = new Set(["README.md", "CHANGELOG.md"]);
  for (const name of found) for (const each of linked(name)) if (each.endsWith(".md")) found.add(each);
  return [...found].sort();
}

/**
 * The text of a Markdown file as it is published. Links to files that are in the package as well stay as they are. Others
 * become links to that version of the file in the repository, and so do all links of the README, which the registry shows.
 */
export function withAbsoluteLinks(name, { repository, version }, documents = []) {
  const [home, raw] = homes({ repository }, version);
  const [onBranch, rawOnBranch] = homes({ repository });
  const text = readFileSync(path.join(root, name), "utf8");
  return text
    .replaceAll(LINK, (whole, isImage, label, link) => {
      if (link.startsWith("#")) return whole;
      const [file] = link.split("#");
      if (name !== "README.md" && documents.includes(path.posix.join(path.posix.dirname(name), file)))
        return whole;
      return `${isImage}[${label}](${isImage ? raw : home}${path.posix.join(path.posix.dirname(name), link)})`;
    })
    .replaceAll(onBranch, home)
    .replaceAll(rawOnBranch, raw);
}
