/** Serves the page over a folder, and sends requests to it as a browser would, or as one never would. */
import { request } from "node:http";
import { buildPage } from "../../scripts/ui/build.mjs";

/** Serves the page until the test is over. */
export async function served(t, folder, options = {}) {
  buildPage();
  const { serveUi } = await import("../../ui/server/main.mjs");
  const ui = await serveUi(folder, options);
  t.teardown(() => ui.close());
  const { origin, pathname, host } = new URL(ui.address);
  return { ...ui, origin, host, base: pathname };
}

/** Sends a request as it is, without what a client would put in order. Resolves with status, headers and text. */
export function sent({ origin, host }, { method = "GET", path, headers = {}, body }) {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const asking = request({
      hostname,
      port,
      path,
      method,
      headers: { Host: host, ...headers },
      agent: false,
    });
    asking.on("error", reject);
    asking.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => (text += piece));
      response.on("error", reject);
      response.on("close", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    asking.end(body);
  });
}

/** Calls the server as the page does. Resolves with the answer; rejects with what the server says is wrong. */
export async function called(ui, name, args = {}) {
  const { status, text } = await sent(ui, {
    method: "POST",
    path: `${ui.base}api/${name}`,
    headers: { Origin: ui.origin, "Content-Type": "application/json" },
    body: JSON.stringify(args),
  });
  const answer = JSON.parse(text);
  if (status !== 200) throw Object.assign(new Error(answer.error.message), answer.error, { status });
  return answer;
}

/** The events that the server tells, as they come: `next(type, passes)` resolves with the first that passes. */
export function listened(t, ui) {
  const { hostname, port } = new URL(ui.origin);
  const events = [];
  const waiting = [];
  const look = () => {
    for (const each of [...waiting]) {
      const at = events.findIndex(({ type, data }) => type === each.type && each.passes(data));
      if (at === -1) continue;
      waiting.splice(waiting.indexOf(each), 1);
      each.resolve(events.splice(at, 1)[0].data);
    }
  };
  const asking = request({
    hostname,
    port,
    path: `${ui.base}events`,
    headers: { Host: ui.host },
    agent: false,
  });
  let text = "";
  asking.on("response", (response) => {
    response.setEncoding("utf8");
    response.on("error", () => {});
    response.on("data", (piece) => {
      text += piece;
      const parts = text.split("\n\n");
      text = parts.pop();
      for (const part of parts) {
        const [, type, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
        if (type !== undefined) events.push({ type, data: JSON.parse(data) });
      }
      look();
    });
  });
  asking.on("error", () => {});
  asking.end();
  t.teardown(() => asking.destroy());
  return (type, passes = () => true) =>
    new Promise((resolve) => {
      waiting.push({ type, passes, resolve });
      look();
    });
}
