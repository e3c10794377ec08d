/** The parts of the pages that are made from docs/reliability/: a block for each campaign in the report, a table in CONTRIBUTING.md. */
import { replaceBlock } from "../../bench/document.mjs";
import { campaignOf, campaigns, commandOf } from "./campaigns.mjs";
import { keptOf } from "./runs.mjs";

/** One run in the page. */
export function runBlock(campaign) {
  const kept = keptOf(campaign);
  if (kept === undefined) return `Not run for this page yet: \`${commandOf(campaign)}\`.`;
  return `\`\`\`text\n${kept.text}\n\`\`\``;
}

const shownTime = (seconds) => (seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`);

/** The commands that run every campaign for the page, and how long each takes. */
export function commandTable() {
  const rows = campaigns.map(({ name, minutes }) => {
    const campaign = campaignOf(name);
    const seconds = keptOf(campaign)?.seconds;
    const took = seconds === undefined ? "" : shownTime(seconds);
    return `| \`npm run report -- ${name}\` | \`${commandOf(campaign)}\` | ${minutes} min | ${took} |`;
  });
  return ["| command | runs | takes about | took last time |", "| --- | --- | ---: | ---: |", ...rows].join(
    "\n",
  );
}

/** docs/reliability-report.md, made anew. */
export const reportPage = (page) =>
  campaigns.reduce((text, { name }) => replaceBlock(text, name, runBlock(campaignOf(name))), page);

/** CONTRIBUTING.md, made anew. */
export const contributingPage = (page) => replaceBlock(page, "campaigns", commandTable());
