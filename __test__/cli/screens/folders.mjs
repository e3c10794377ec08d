/** The stores that the screens show: always the same, down to the byte and the millisecond. */
import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "../../../index.mjs";

const MINUTE = 60_000;
const BEGIN = Date.UTC(2026, 0, 31, 9);

/** Runs work while `Date.now()` goes on by a minute with each look. */
async function atFixedTimes(work) {
  const { now } = Date;
  let time = BEGIN;
  Date.now = () => (time += MINUTE);
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}

const options = { checkpointThreshold: Infinity, checkpointOnClose: false };

async function makeTasks(folder) {
  const store = new Store();
  await store.open(folder, options);
  const milk = { title: "Buy milk", done: false, due: "2026-02-01", tags: ["home"] };
  await store.set("milk", milk);
  await store.set("report", {
    title:
      "Write the report for the second quarter, with the figures of all three houses and what follows from them",
    done: false,
    due: "2026-02-03",
    owner: { name: "Ada Lovelace", mail: "ada@example.com" },
    tags: ["work", "text"],
  });
  await store.set("電話", { title: "山田さんに電話する 📞", done: false, due: "2026-02-02", tags: ["仕事"] });
  await store.compact();
  await store.set("milk", { ...milk, tags: ["home", "shop"] });
  await store.set("milk", {
    ...milk,
    title: "Buy milk, a loaf of bread, and whatever else is missing for breakfast on Sunday",
    due: "2026-02-02",
    tags: ["home", "shop", "sunday"],
    note: "The shop at the corner is closed on Sundays, so go on Saturday, before noon",
  });
  await store.set("tax", { title: "Send the tax form", done: false, due: "2026-05-31", tags: [] });
  await store.set("milk", { ...milk, done: true, tags: ["home"] });
  await store.delete("tax");
  await store.close();
}

/** What the picture in README.md shows. */
async function makeList(folder) {
  const store = new Store();
  await store.open(folder, options);
  await store.set("milk", { title: "Buy milk", due: "2026-02-01", done: false });
  await store.set("report", { title: "Write the report", due: "2026-02-03", done: false });
  await store.set("milk", { title: "Buy oat milk", due: "2026-02-01", done: false });
  await store.set("milk", { title: "Buy oat milk", due: "2026-02-01", done: true, by: "ada" });
  await store.close();
}

async function makeAgents(folder) {
  for (let n = 1; n <= 12; n++) {
    const store = new Store();
    await store.open(folder, { ...options, agentId: `crawler-${n}` });
    await store.set(`page-${n}`, { url: `https://example.com/${n}`, by: n });
    await store.close();
  }
}

/** Changes bytes of the snapshot and of the log. */
async function damage(folder) {
  const store = new Store();
  await store.open(folder, { readOnly: true });
  const { currentSnapshot, activeOps } = store.getManifest();
  await store.close();
  const snapshot = join(folder, currentSnapshot);
  const text = await readFile(snapshot, "utf8");
  await writeFile(snapshot, text.replace('{"id":"report"', '{"id":"rep\u0000rt"'));
  const log = await readFile(join(folder, activeOps), "utf8");
  await writeFile(join(folder, activeOps), `no operation at all\n${log}`);
}

/** What stands before the folders in the screens, in place of a path of the same length. */
export const SHOWN = "/home/ada/projects/household/2026-01/lists";

/** An empty folder whose path is as long as that one. */
export async function makeHome() {
  const places = [tmpdir(), "/tmp"].map((place) => join(place, "opslog-"));
  const begin = places.find(({ length }) => length <= SHOWN.length - 6);
  return mkdtemp(begin.padEnd(SHOWN.length - 6, "-"));
}

/** Makes a folder with stores in it: `tasks`, `agents`, `damaged`, and files to import. */
export async function makeFolders() {
  const home = await makeHome();
  await atFixedTimes(async () => {
    await makeTasks(join(home, "tasks"));
    await makeAgents(join(home, "agents"));
  });
  await atFixedTimes(() => makeList(join(home, "list")));
  await cp(join(home, "tasks"), join(home, "damaged"), { recursive: true });
  await damage(join(home, "damaged"));
  await mkdir(join(home, "photos"));
  await writeFile(join(home, "photos", "cat.jpg"), "");
  await writeFile(join(home, "people.csv"), "id,name,age\nada,Ada Lovelace,36\nbob,Bob,28\n");
  await writeFile(join(home, "broken.jsonl"), '{"id":"a","data":{"n":1}}\n{"id":"b"}\n');
  return home;
}
