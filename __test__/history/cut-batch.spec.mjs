/** Batches in a log that a program of 0.8.1 or an editor has touched: a batch without its last line, white space before the first line. */
import { writeFile } from "node:fs/promises";
import test from "ava";
import { activeWal } from "../helpers/store-folder.mjs";
import { openOurs } from "../helpers/stores.mjs";

const manual = { checkpointThreshold: Infinity, checkpointOnClose: false };

async function collect(changes) {
  const found = [];
  for await (const change of changes) found.push(change);
  return found;
}

const line = (id, marks) =>
  JSON.stringify({ ts: "2026-01-01T00:00:00.000Z", op: "set", id, prev: null, data: { n: 1 }, ...marks });

/** A store that opens a log with this text. */
async function openedWith(t, text, options) {
  const { store, folder } = await openOurs(t, manual);
  await store.close();
  const log = await activeWal(folder);
  await writeFile(log, text);
  await store.open(folder, { ...manual, ...options });
  return store;
}

/** A crash has cut the batch of `a`; 0.8.1, which takes it for an operation, has logged `b`. */
const cut = `${line("a", { batch: "more" })}\n${line("b")}\n`;

test("changes() behind a batch that a crash cut gives the next batch its own first operation, forward and in reverse", async (t) => {
  const store = await openedWith(t, cut, { retain: { undo: 1 } });
  await store.batch(() => {
    store.set("c", { n: 1 });
    store.set("d", { n: 1 });
  });
  const check = async () => {
    const all = await collect(store.changes());
    t.deepEqual(
      all.map(({ id }) => id),
      ["a", "b", "c", "d"],
    );
    const [a, , c] = all.map(({ position }) => position);
    t.deepEqual(
      all.map(({ batch }) => batch),
      [a, undefined, c, c],
    );
    t.deepEqual((await collect(store.changes({ reverse: true }))).reverse(), all);
    t.deepEqual(await collect(store.changes({ after: a })), all.slice(1));
    for (const change of all) t.deepEqual(await collect(store.changes({ id: change.id })), [change]);
  };
  await check();
  await store.compact();
  await check();
});

for (const [name, space] of [
  ["a byte order mark", "\ufeff"],
  ["a no-break space behind an empty line", "\n \n\u00a0"],
]) {
  test(`a log that begins with ${name} and a batch behind its first line, is read in reverse as a whole`, async (t) => {
    const text = [line("a"), line("b", { batch: "more" }), line("c", { batch: "last" })].join("\n");
    const store = await openedWith(t, `${space}${text}\n`);
    const all = await collect(store.changes());
    t.deepEqual(
      all.map(({ id }) => id),
      ["a", "b", "c"],
    );
    t.deepEqual((await collect(store.changes({ reverse: true }))).reverse(), all);
    const view = await store.at(all[0].position);
    t.deepEqual(view.entries(), [["a", { n: 1 }]]);
    view.close();
  });

  test(`a batch at the beginning of a log, behind ${name}, has one first operation from wherever it is read`, async (t) => {
    const text = ["a", "b", "c"].map((id) => line(id, { batch: id === "c" ? "last" : "more" })).join("\n");
    const store = await openedWith(t, `${space}${text}\n`);
    const all = await collect(store.changes());
    t.true(all.every(({ batch }) => batch === all[0].position));
    t.deepEqual((await collect(store.changes({ reverse: true }))).reverse(), all);
    t.deepEqual(await collect(store.changes({ after: all[1].position })), all.slice(2));
  });
}

test("a line with white space of any kind behind it counts in reverse only where it is the last one, as forward", async (t) => {
  const store = await openedWith(t, `${line("a")}\n${line("b")}\u00a0\nnot an operation\n`);
  const all = await collect(store.changes());
  t.deepEqual(
    all.map(({ id }) => id),
    ["a"],
  );
  t.deepEqual(await collect(store.changes({ reverse: true })), all);
});
