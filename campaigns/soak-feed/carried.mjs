/** Whether the stores of the soak go through a backend: a subclass of FsBackend. */
import { FsBackend } from "../../index.mjs";

class Subclass extends FsBackend {}

export function carried(isBehindBackend = process.env.OPSLOG_SOAK_BACKEND === "1") {
  return isBehindBackend ? { backend: new Subclass() } : {};
}
