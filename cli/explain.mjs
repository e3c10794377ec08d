/** Puts what went wrong into words for people: what it means and what to do, no stack. */
import { basename } from "node:path";
import { printable } from "./style.mjs";

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
  OPSLOG_CORRUPT: ({ message, path, offset }) => {
    const place = path === undefined ? "" : ` ${path}${offset === undefined ? "" : `, byte ${offset}`}:`;
    const either = basename(path ?? "") === "manifest.json" ? ", or this is no store of opslog" : "";
    return `The store is damaged${either}:${place} ${message}\n"opslog verify" lists all that is damaged.`;
  },
};

export function explain(error) {
  const text = explanations[error?.code]?.(error) ?? error?.message ?? String(error);
  return text.split("\n").map(printable).join("\n");
}
