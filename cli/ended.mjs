/** The user ended the program before its work was done. */
export class Ended extends Error {
  code = "ENDED";
}

/** A signal that is aborted when the user ends the program: Ctrl-C, a closed terminal, `kill`. */
export function endSignal() {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => controller.abort());
  return controller.signal;
}
