/** Puts what went wrong into words for people: what it means and what to do, no stack. */
import { basename, join, resolve, sep } from "node:path";

/** What is damaged, and where: the file and the place once, also where the message has them as well. */
function damage({ message, path, offset }) {
  if (path === undefined) return message;
  const text = message.replace(`${path}: `, "").replace(` (at byte ${offset})`, "");
  if (text.includes(path)) return text;
  return `${path}${offset === undefined || offset === null ? "" : `, byte ${offset}`}: ${text}`;
}

const explanations = {
  OPSLOG_LOCKED: ({ message, pid }) =>
    pid === undefined
      ? message
      : `The store is open in process ${pid}. Close it there first; commands that only read need not wait.`,
  OPSLOG_NO_STORE: ({ folder, message }) =>
    folder === undefined ? message : `There is no store in ${folder}.`,
  OPSLOG_UNSUPPORTED: ({ message, path, cause }) =>
    path === undefined
      ? message
      : `The file system of ${path} has no kernel locks (${cause?.message ?? "flock"}). Put the store on another one. A single ` +
        "writer can go by process numbers instead, with --locking pid; agents cannot.",
  OPSLOG_POSITION_GONE: () =>
    'The history does not reach back to this place: its operations were pruned or undone. "opslog log" lists those that are kept.',
  OPSLOG_CORRUPT: (error) => {
    const either = basename(error.path ?? "") === "manifest.json" ? ", or this is no store of opslog" : "";
    return `The store is damaged${either}: ${damage(error)}\n"opslog verify" lists all that is damaged.`;
  },
};

const named = (text, folder) =>
  folder === undefined ? text : text.replaceAll(resolve(folder) + sep, join(folder, sep));

/** What an error says to a person. Paths in the folder begin as the folder was named. */
export const explain = (error, folder) =>
  named(explanations[error?.code]?.(error) ?? error?.message ?? String(error), folder);

/** The file and the place that are damaged, for a command that goes on without them. */
export const explainDamage = (error, folder) => named(damage(error), folder);
