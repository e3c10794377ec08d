// A store as a program might have it, for the screenshots and to try the page on: a translation office's jobs, two agents and several days
// of history, with ids in several scripts. The same seed gives the same records.

import { readFile, readdir, utimes } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Store } from "../../index.mjs";

const DAY = 86_400_000;
const DAYS = 9;

/** Random numbers that are the same each time. */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

const TITLES = [
  ["Tide tables, spring edition", "en", "pt"],
  ["Handbuch Wärmepumpe", "de", "fr"],
  ["契約書の翻訳", "ja", "en"],
  ["חוברת הדרכה", "he", "en"],
  ["Catálogo de mareas", "es", "en"],
  ["产品安全说明", "zh", "de"],
  ["دليل المستخدم", "ar", "en"],
  ["Museum audio guide", "en", "ja"],
  ["Bedienungsanleitung Fräse", "de", "pl"],
  ["릴리스 노트", "ko", "en"],
];
const IDS = [
  "契約-0412",
  "חוברת-77",
  "دليل-15",
  "产品-008",
  "릴리스-3",
  "mareas-ñ-21",
  "Wärmepumpe/§4",
  "ჩანაწერი-9",
];
const PEOPLE = ["Ada Okafor", "Jun 佐藤", "Noa לוי", "Marek Nowak", "Inês Duarte"];
const STATES = ["queued", "translating", "review", "delivered"];

/** Runs work with the clock at another time: operations have the times at which they would have been made. */
async function atTime(time, work) {
  const real = Date.now;
  Date.now = () => time;
  try {
    return await work();
  } finally {
    Date.now = real;
  }
}

/** Fills a folder. Times are counted back from `now`. */
export async function makeDemoStore(folder, { now = Date.now(), jobs = 420 } = {}) {
  const next = numbers(20_261_129);
  const below = (most) => Math.floor(next() * most);
  const pick = (list) => list[below(list.length)];
  const open = async (agentId) => {
    const store = new Store();
    await store.open(folder, { agentId, checkpointThreshold: Infinity, checkpointOnClose: false });
    return store;
  };
  const agents = [await open("desk-berlin"), await open("desk-lisboa"), await open("importer")];
  const [berlin, lisboa, importer] = agents;
  const events = [];
  const ids = [];
  const start = now - DAYS * DAY;
  for (let n = 0; n < jobs; n++) {
    const id = n % 53 === 0 ? (IDS[n / 53] ?? `job-${1000 + n}`) : `job-${1000 + n}`;
    ids.push(id);
    const day = Math.floor((n / jobs) * DAYS);
    events.push({ time: start + day * DAY + (8 + 9 * next()) * 3_600_000, id, act: "create" });
    for (let step = below(6); step > 0; step--) {
      const later = day * DAY + (8 + 10 * next()) * 3_600_000 + step * 0.7 * DAY;
      events.push({ time: start + later, id, act: pick(["state", "note", "people", "words", "order"]) });
    }
    if (next() < 0.06) events.push({ time: start + day * DAY + 1.5 * DAY, id, act: "delete" });
  }
  const due = events.filter(({ time }) => time < now).sort((one, other) => one.time - other.time);
  let lastDay = -1;
  for (const { time, id, act } of due) {
    await atTime(time, async () => {
      const day = Math.floor((time - start) / DAY);
      if (day !== lastDay && day % 3 === 2) await importer.compact();
      lastDay = day;
      const store = act === "create" ? importer : pick([berlin, berlin, lisboa]);
      await store.refresh();
      await apply(store, { id, act, time, pick, below, next });
    });
  }
  for (const store of agents) await store.close();
  await datedAsWritten(folder);
}

async function apply(store, { id, act, time, pick, below, next }) {
  const record = store.get(id);
  if (act === "create") {
    const [title, from, to] = pick(TITLES);
    const words = 200 + below(24_000);
    await store.set(id, {
      title,
      status: "queued",
      from,
      to,
      words,
      due: new Date(time + (2 + below(9)) * DAY).toISOString().slice(0, 10),
      rush: next() < 0.15,
      people: [pick(PEOPLE)],
      price: { amount: Math.round(words * 0.14 * 100) / 100, currency: "EUR" },
    });
  } else if (record === undefined) return;
  else if (act === "delete") await store.delete(id);
  else await store.set(id, changed(record, { act, pick, below }));
}

function changed(record, { act, pick, below }) {
  const next = structuredClone(record);
  if (act === "state") next.status = STATES[Math.min(3, STATES.indexOf(next.status) + 1)];
  if (act === "note")
    next.notes = [
      ...(next.notes ?? []),
      pick(["Term list added", "Kunde hat geantwortet", "確認済み", "צריך בדיקה"]),
    ];
  if (act === "people") next.people = [pick(PEOPLE), ...next.people].slice(0, 3);
  if (act === "order") next.people = [...next.people.slice(1), next.people[0]];
  if (act === "words") {
    next.words += below(900);
    next.price.amount = Math.round(next.words * 0.14 * 100) / 100;
    if (next.rush) delete next.rush;
  }
  return next;
}

/** Gives the files the times that their last operations have. */
async function datedAsWritten(folder) {
  for (const inside of ["ops", "snapshots"]) {
    for (const name of await readdir(path.join(folder, inside)).catch(() => [])) {
      const file = path.join(folder, inside, name);
      const [, time] =
        [...(await readFile(file, "utf8")).matchAll(/"(?:ts|timestamp)":"([^"]+)"/g)].at(-1) ?? [];
      if (time !== undefined) await utimes(file, new Date(time), new Date(time));
    }
  }
}

/** Adds a record whose texts try to be more than text. */
export async function addHostileRecords(folder, agentId) {
  const store = new Store();
  await store.open(folder, { agentId, checkpointOnClose: false });
  const hostile = {
    script: "<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">",
    terminal: "\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u009b2J",
    bidi: "invoice\u202efdp.exe and \u2066isolated\u2069",
    hidden: "zero\u200bwidth\ufeff and \u00adsoft",
    lone: "half \ud83d of a pair",
    emoji: "👩‍👩‍👧 family",
    "": "a field without a name",
    "<b>name</b>": "markup in a name",
    ["__proto__"]: "no prototype",
    "a.b": { "c.d": [null, true, 1e300, -0.5] },
    long: "no spaces ".repeat(900),
  };
  await store.set("<script>alert(1)</script>", hostile);
  await store.set("evil\u202etxt.exe", { a: 1 });
  await store.set("\ud800lone", { b: [] });
  await store.set("new\nline\u0000nul", { c: {} });
  await store.set("wide", Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`field${n}`, n])));
  await store.close();
}

// `node scripts/ui/demo-store.mjs <folder>`
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await makeDemoStore(process.argv[2]);
}
