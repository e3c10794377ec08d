/**
 * The tables of docs/s3.md: what calls cost in requests, and what uses cost in dollars, both made from docs/s3/cost.json; what single
 * records of a large snapshot cost, made from docs/s3/fetch.json; how far one store goes, made from docs/s3/capacity.json.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { replaceBlock } from "../../bench/document.mjs";
import { showOrigin } from "../../bench/results.mjs";
import { root } from "../../scripts/setup.mjs";

const folder = path.join(root, "docs/s3");
const page = path.join(root, "docs/s3.md");
const kept = path.join(folder, "cost.json");
const fetched = path.join(folder, "fetch.json");
const delayed = path.join(folder, "latency.json");
const simulated = path.join(folder, "capacity.json");

/** Amazon's list prices in us-east-1, in dollars for a request. */
export const PRICES = { PUT: 0.005 / 1000, LIST: 0.005 / 1000, GET: 0.0004 / 1000, HEAD: 0.0004 / 1000 };
const MINUTES = 30 * 24 * 60;
/** A writer stores 16 appends once more as one object, 16 of those again, and so on. */
const ROLL_UPS = 16 / 15;

const shown = (count) => Math.round(count).toLocaleString("en-US");
const rounded = (count) => shown(Number(count.toPrecision(3)));

function table(head, aligned, rows) {
  return [head, aligned, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const ORDER = ["PUT", "LIST", "GET", "HEAD"];

/** A row for each call. Deletions are not counted: S3 does not charge for them. */
export function requestTable({ calls, ...origin }) {
  const rows = calls.map(({ call, requests, bytesUp, bytesDown }) => {
    const charged = ORDER.filter((kind) => kind in requests);
    const count = charged.reduce((sum, kind) => sum + requests[kind], 0);
    const which = charged.map((kind) => `${shown(requests[kind])} ${kind}`).join(", ");
    return [call, shown(count), which, shown(bytesUp), shown(bytesDown)];
  });
  const head = ["call", "requests", "which", "bytes up", "bytes down"];
  return `${table(head, ["---", "---:", "---", "---:", "---:"], rows)}\n\n${showOrigin(origin)}.`;
}

/** Requests of each call, and the bytes up and down, in several states of a store: those of a single writer, and those of an agent. */
export function levelTable({ levels, ...origin }) {
  const states = [...new Set(levels.map(({ state }) => state))];
  const names = [...new Set(levels.map(({ who, call }) => `${who}: ${call}`))];
  const cell = (name, wanted) => {
    const found = levels.find(({ who, call, state }) => `${who}: ${call}` === name && state === wanted);
    const count = ORDER.reduce((sum, kind) => sum + (found.requests[kind] ?? 0), 0);
    return `${shown(count)} (${rounded(found.bytesUp)} / ${rounded(found.bytesDown)})`;
  };
  const rows = names.map((name) => [name, ...states.map((state) => cell(name, state))]);
  return `${table(["call", ...states], ["---", ...states.map(() => "---:")], rows)}\n\n${showOrigin(origin)}.`;
}

/** The requests of so many calls of each kind. */
function requestsOf(calls, times) {
  const sum = Object.fromEntries(ORDER.map((kind) => [kind, 0]));
  for (const [call, count] of Object.entries(times)) {
    const found = calls.find((each) => each.call === call);
    if (found === undefined) throw new Error(`docs/s3/cost.json has no call "${call}"`);
    for (const kind of ORDER) sum[kind] += (found.requests[kind] ?? 0) * count;
  }
  sum.PUT *= ROLL_UPS;
  return sum;
}

/** How often each measured call happens in a month of 30 days. */
const uses = [
  [
    "settings: one writer, 100 awaited writes a day; 5 readers that call `tail()` once a minute",
    {
      "single writer: set, awaited": 3000,
      "reader: tail, one append of a single writer": 3000 * 5,
      "reader: tail, nothing new, no operations of a single writer": 5 * MINUTES - 3000 * 5,
    },
  ],
  [
    "events: one writer, 100 writes a second, of which those of one second share a PUT; a reader that calls `tail()` every 10 s",
    {
      "single writer: 1,000 sets in flight": 60 * MINUTES,
      "reader: tail, ten appends of a single writer": 6 * MINUTES,
    },
  ],
  [
    "jobs: 20 agents, each with an awaited write and a `tail()` a minute",
    { "agent: set, awaited": 20 * MINUTES, "agent: tail, one append of each of 20 agents": 20 * MINUTES },
  ],
  [
    "jobs: the same agents, each with a `tail()` every ten minutes, and ten appends in each log by then",
    { "agent: set, awaited": 20 * MINUTES, "agent: tail, ten appends of each of 20 agents": 2 * MINUTES },
  ],
];

export function dollarTable({ calls }) {
  const rows = uses.map(([use, times]) => {
    const { PUT, LIST, GET, HEAD } = requestsOf(calls, times);
    const dollars = (PUT + LIST) * PRICES.PUT + (GET + HEAD) * PRICES.GET;
    return [use, rounded(PUT), rounded(LIST), rounded(GET + HEAD), dollars.toFixed(2)];
  });
  return table(["use", "PUT", "LIST", "GET, HEAD", "dollars"], ["---", "---:", "---:", "---:", "---:"], rows);
}

/** What readers of a large snapshot cost. */
export function fetchTable({ records, snapshotBytes, indexBytes, calls, ...origin }) {
  const rows = calls.map(({ call, requests, bytesDown }) => {
    const which = ORDER.filter((kind) => kind in requests).map((kind) => `${shown(requests[kind])} ${kind}`);
    return [call, which.join(", "), shown(bytesDown)];
  });
  const head = `A snapshot of ${shown(records)} records: ${shown(snapshotBytes)} bytes, and ${shown(indexBytes)} of its index.`;
  const cells = table(["reader", "requests", "bytes down"], ["---", "---", "---:"], rows);
  return `${head}\n\n${cells}\n\n${showOrigin(origin)}.`;
}

/** How many operations a second come through where each request takes longer. */
export function latencyTable(runs) {
  const [{ rows: first }] = runs;
  const cells = first.map(({ what }, at) => [what, ...runs.map(({ rows }) => shown(rows[at].perSecond))]);
  const names = runs.map(({ server, latencyMs }) => `${server}, ${latencyMs} ms`);
  const origins = runs.map(({ server, node, commit }) => `${server}: ${showOrigin({ node, commit })}`);
  const head = table(["a second", ...names], ["---", ...names.map(() => "---:")], cells);
  return `${head}\n\n${origins.join("; ")}.`;
}

export const latencyPage = (text, measured) => replaceBlock(text, "latency", latencyTable(measured));

export const readLatency = async () => JSON.parse(await readFile(delayed, "utf8"));

/** How far one store goes: a table for each use. */
export function capacityTable({ seconds, results, ...origin }) {
  const head = [
    "agents",
    "writes/s",
    "p50, ms",
    "p99, ms",
    "PUT/s",
    "reads/s",
    "answered 503, /s",
    "compactions",
  ];
  const tables = results.map(({ use, rows }) => {
    const cells = rows.map((row) =>
      [row.agents, row.writes, row.p50Ms, row.p99Ms, row.puts, row.reads, row.refused, row.compactions].map(
        shown,
      ),
    );
    return `${use[0].toUpperCase()}${use.slice(1)}:\n\n${table(
      head,
      head.map(() => "---:"),
      cells,
    )}`;
  });
  return `Simulated, ${seconds} seconds each.\n\n${tables.join("\n\n")}\n\n${showOrigin(origin)}.`;
}

export const capacityPage = (text, simulation) => replaceBlock(text, "capacity", capacityTable(simulation));

export const fetchPage = (text, measured) => replaceBlock(text, "fetch", fetchTable(measured));

export const costPage = (text, cost) =>
  [
    ["requests", requestTable],
    ["levels", levelTable],
    ["dollars", dollarTable],
  ].reduce((page, [block, make]) => replaceBlock(page, block, make(cost)), text);

export const readCost = async () => JSON.parse(await readFile(kept, "utf8"));

export const readCapacity = async () => JSON.parse(await readFile(simulated, "utf8"));

export const readFetched = async () => JSON.parse(await readFile(fetched, "utf8"));

export async function makeCostPage() {
  const text = await readFile(page, "utf8");
  const counted = fetchPage(costPage(text, await readCost()), await readFetched());
  await writeFile(page, latencyPage(capacityPage(counted, await readCapacity()), await readLatency()));
}

async function keep(file, measured) {
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${JSON.stringify(measured, null, 1)}\n`);
  await makeCostPage();
}

export const keepCost = (cost) => keep(kept, cost);

export const keepFetched = (measured) => keep(fetched, measured);

/** Keeps what was measured with a server, beside what was with others. */
export async function keepLatency(measured) {
  const others = (await readLatency()).filter(({ server }) => server !== measured.server);
  await keep(delayed, [...others, measured]);
}

export const keepCapacity = (simulation) => keep(simulated, simulation);
