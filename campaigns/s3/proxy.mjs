/**
 * A proxy between S3 clients and a server. It counts requests and bytes, and does with a seed what networks and servers do:
 * answers are lost, requests are carried out twice, or late, or not at all, or are answered with 500 and 503 although they took
 * effect; connections are cut in the middle of a body, or never answered.
 */
import { once } from "node:events";
import { Agent, createServer, request as send } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const errorBody = (code) => `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`;

function kindOf({ method, url }) {
  const isList = method === "GET" && url.includes("list-type=2");
  if (isList) return "LIST";
  return method === "POST" && url.includes("delete") ? "DELETE" : method;
}

async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What befalls a request. Each gets `forward()`, which resolves with the server's answer, and the two ends. */
const FAULTS = {
  async "answer lost"({ forward, response }) {
    await forward();
    response.destroy();
  },
  async "not carried out"({ response }) {
    response.destroy();
  },
  async "500 without effect"({ answer }) {
    answer(500, errorBody("InternalError"));
  },
  async "500 with effect"({ forward, answer }) {
    await forward();
    answer(500, errorBody("InternalError"));
  },
  async "503 without effect"({ answer }) {
    answer(503, errorBody("SlowDown"));
  },
  async "503 with effect"({ forward, answer }) {
    await forward();
    answer(503, errorBody("SlowDown"));
  },
  async "never answered, without effect"({ request }) {
    await once(request.socket, "close");
  },
  async "never answered, with effect"({ forward, request }) {
    await forward();
    if (!request.socket.destroyed) await once(request.socket, "close");
  },
  async "carried out twice"({ forward, pass }) {
    const first = await forward();
    await forward();
    pass(first);
  },
  async "carried out twice, the second answer told"({ forward, pass }) {
    await forward();
    pass(await forward());
  },
  async "carried out late"({ forward, answer, random }) {
    answer(500, errorBody("InternalError"));
    await delay(20 + random() * 400);
    await forward();
  },
  async "throttled for a while"({ answer, throttle }) {
    throttle(100);
    answer(503, errorBody("SlowDown"));
  },
  async "credentials expired"({ answer }) {
    answer(403, errorBody("ExpiredToken"));
  },
  async "cut in the body"({ forward, response }) {
    const { status, headers, body } = await forward();
    response.writeHead(status, headers);
    response.write(body.subarray(0, body.length >> 1), () => response.destroy());
  },
};

export const FAULT_NAMES = Object.keys(FAULTS);
/** Those that a client with little patience comes through. */
const USUAL = FAULT_NAMES.filter((name) => !["throttled for a while", "credentials expired"].includes(name));

/**
 * Starts a proxy before a server. `perMille` is the chance of a fault, `latencyMs` is added to each request. `harm`, if it is set, may
 * name the fault that befalls a request.
 */
export async function startProxy(
  endpoint,
  { seed = 1, perMille = 0, latencyMs = 0, host = "127.0.0.1", kinds = USUAL } = {},
) {
  const random = randomOf(seed);
  const target = new URL(endpoint);
  const agent = new Agent({ keepAlive: true });
  let throttledUntil = 0;
  const proxy = { perMille, latencyMs, requests: {}, bytesUp: 0, bytesDown: 0, faults: {}, late: new Set() };

  function forwardOf({ method, url, headers }, body) {
    const options = { agent, method, path: url, headers, host: target.hostname, port: target.port };
    return new Promise((resolve, reject) => {
      const outgoing = send(options, async (incoming) => {
        try {
          // What speaks to the client is the proxy: the name of the server behind it is left out, as other proxies do.
          const { server: _, ...headers } = incoming.headers;
          resolve({ status: incoming.statusCode, headers, body: await readAll(incoming) });
        } catch (error) {
          reject(error);
        }
      });
      outgoing.on("error", reject).end(body);
    });
  }

  async function serve(request, response) {
    const body = await readAll(request);
    const kind = kindOf(request);
    proxy.requests[kind] = (proxy.requests[kind] ?? 0) + 1;
    proxy.bytesUp += body.length;
    if (proxy.latencyMs > 0) await delay(proxy.latencyMs);
    const pass = ({ status, headers, body: answered }) => {
      proxy.bytesDown += answered.length;
      response.writeHead(status, headers).end(answered);
    };
    const answer = (status, text) => {
      response.writeHead(status, { "content-type": "application/xml", date: new Date().toUTCString() });
      response.end(text);
    };
    const forward = () => forwardOf(request, body);
    if (Date.now() < throttledUntil) return answer(503, errorBody("SlowDown"));
    const throttle = (ms) => (throttledUntil = Date.now() + ms);
    const chosen = proxy.harm?.(request);
    if (!chosen && (chosen === null || random() * 1000 >= proxy.perMille)) return pass(await forward());
    const name = chosen ?? kinds[Math.floor(random() * kinds.length)];
    proxy.faults[name] = (proxy.faults[name] ?? 0) + 1;
    const work = FAULTS[name]({ request, response, forward, pass, answer, random, throttle });
    proxy.late.add(work);
    await work.finally(() => proxy.late.delete(work));
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, host);
  await once(server, "listening");
  return Object.assign(proxy, {
    endpoint: `http://${host}:${server.address().port}`,
    /** The requests since it was last asked. */
    take() {
      const { requests, bytesUp, bytesDown } = proxy;
      Object.assign(proxy, { requests: {}, bytesUp: 0, bytesDown: 0 });
      const count = Object.values(requests).reduce((sum, each) => sum + each, 0);
      return { count, requests, bytesUp, bytesDown };
    },
    /** No more faults; what is late arrives. */
    async calm() {
      proxy.perMille = 0;
      const silent = [...proxy.late];
      await Promise.race([Promise.allSettled(silent), delay(1500)]);
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
    },
  });
}
