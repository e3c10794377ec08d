/** `opslog revert`: sets the records back to an earlier time. */
import { PLACES, parsePlace } from "../arguments/moments.mjs";
import { requireStore, writerOptions, writing } from "../stores.mjs";
import { count, grouped } from "../terminal/numbers.mjs";
import { printable } from "../terminal/printable.mjs";
import { sentence } from "../terminal/sentences.mjs";

/** A word of a command line, as a shell takes it. */
const quoted = (word) => (/^[\w./~:,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Reverts, and counts the records that did not exist then. `position` is where the store was before. */
async function revert(store, { to, ids, agent }) {
  if (agent !== undefined) await store.refresh();
  const { position } = store;
  const changed = await store.revert({ to, ids });
  let deleted = 0;
  // Other agents may have gone on meanwhile.
  for await (const { type, agent: by } of store.changes({ after: position }))
    if (by === agent && type === "delete") deleted++;
  return { changed, deleted, position };
}

export const revertCommand = {
  summary: "set the records back to an earlier time",
  operands: ["time"],
  details: [
    'Records created since then are deleted, records deleted since then come back, the others get their old values. "opslog at" shows them beforehand. All of it is logged as one batch of ordinary operations, so that a revert can be reverted: the command for that is printed.',
    "Needs the folder's lock. In a folder of agents, use --agent while agents have it open.",
    PLACES,
  ],
  examples: ["revert ./data 1h", "revert ./data 2026-01-31T12:00 --id task-1"],
  options: {
    id: { type: "string", multiple: true, value: "id", help: "only this record; may be repeated" },
    ...writerOptions,
  },
  async run({ folder, operands: [time], values, output }) {
    const { agent, locking, id: ids } = values;
    const to = parsePlace(time);
    await requireStore(folder);
    const done = await writing(folder, { agent, locking }, (store) => revert(store, { to, ids, agent }));
    if (values.json) {
      output.json(done);
      return;
    }
    const { changed, deleted, position } = done;
    const which = deleted === 0 ? "" : `, ${grouped(deleted)} of them deleted`;
    output.line(`${count(changed, "record")} changed${which}`);
    if (changed === 0) return;
    const words = [folder, position, ...(ids ?? []).flatMap((id) => ["--id", id])];
    if (agent !== undefined) words.push("--agent", agent);
    output.lines(
      sentence(printable(`to take this back: opslog revert ${words.map(quoted).join(" ")}`), {
        colour: "dim",
      }),
    );
  },
};
