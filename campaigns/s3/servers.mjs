/** The S3 servers that campaigns and tests can start, by name. */
import { startMoto } from "./moto.mjs";
import { startRadosgw } from "./radosgw.mjs";
import { SMALL_SERVERS } from "./servers/small.mjs";
import { startSwift } from "./servers/swift.mjs";

const SERVERS = {
  moto: startMoto,
  "moto-threads": () => startMoto({ threaded: true }),
  radosgw: startRadosgw,
  swift: startSwift,
  ...SMALL_SERVERS,
};

export const SERVER_NAMES = Object.keys(SERVERS);

/** Starts a server. Returns its endpoint, its credentials if it wants some, and how to stop it. */
export function startServer(name) {
  return SERVERS[name]();
}
