/** What went wrong, as the page is told it: a code, a sentence for people, and the place where one is known. */

/** A request of the page that cannot be answered. */
export class Refused extends Error {
  constructor(status, message, code = "REFUSED") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const sentences = {
  OPSLOG_LOCKED: ({ message, pid }) =>
    pid === undefined
      ? message
      : `Process ${pid} has the store open for writing. Nothing was changed. Reading goes on beside it; to change something here, close the store there first.`,
  OPSLOG_POSITION_GONE: (error) =>
    error instanceof Refused
      ? error.message
      : "The history does not reach back to this place: its operations were pruned or undone.",
  OPSLOG_NO_STORE: () => "There is no store in this folder.",
  OPSLOG_UNSUPPORTED: ({ message, path }) =>
    path === undefined ? message : `The file system of ${path} has no kernel locks.`,
};

const isTooDeep = (error) => error instanceof RangeError && /call stack/.test(error.message);

/** `{ code, message, path?, offset? }` of any error. */
export function explained(error) {
  if (isTooDeep(error))
    return {
      code: "TOO_DEEP",
      message:
        'A value is nested too deeply for this page. "opslog get" prints it, "opslog export" all records.',
    };
  const code = typeof error?.code === "string" ? error.code : "FAILED";
  const message = sentences[code]?.(error) ?? error?.message ?? String(error);
  const { path, offset } = error ?? {};
  return { code, message, ...(path !== undefined && { path }), ...(offset !== undefined && { offset }) };
}
