/** The S3 servers that campaigns and tests can start, by name. */
import { startMoto } from "./moto.mjs";
import { startRadosgw } from "./radosgw.mjs";

const SERVERS = { moto: startMoto, radosgw: startRadosgw };

export const SERVER_NAMES = Object.keys(SERVERS);

/** Starts a server. Returns its endpoint, its credentials if it wants some, and how to stop it. */
export function startServer(name) {
  return SERVERS[name]();
}
