/** The server of the page against requests that no page of its own sends. */
import { connect } from "node:net";
import { once } from "node:events";
import test from "ava";
import { called, sent, served } from "../helpers/ui.mjs";
import { Store } from "../../index.mjs";
import { contents, temporaryFolder } from "../helpers/store-folder.mjs";

async function example(t, options) {
  const folder = await temporaryFolder(t);
  const store = new Store();
  await store.open(folder);
  await store.set("a", { n: 1 });
  await store.set("a", { n: 2 });
  await store.close();
  return { folder, ui: await served(t, folder, options) };
}

const json = (ui, more = {}) => ({ Origin: ui.origin, "Content-Type": "application/json", ...more });

test("the page, is served with a policy that lets nothing from elsewhere in, and is stored nowhere", async (t) => {
  const { ui } = await example(t);
  for (const [name, type] of [
    ["", /^text\/html/],
    ["page.js", /^text\/javascript/],
    ["page.css", /^text\/css/],
    ["icon.svg", /^image\/svg/],
  ]) {
    const { status, headers, text } = await sent(ui, { path: `${ui.base}${name}` });
    t.is(status, 200);
    t.regex(headers["content-type"], type);
    t.true(text.length > 100);
    const policy = headers["content-security-policy"];
    t.regex(policy, /default-src 'none'/);
    t.regex(policy, /frame-ancestors 'none'/);
    t.notRegex(policy, /unsafe|https?:|\*/);
    t.like(headers, {
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
    });
    t.false("access-control-allow-origin" in headers);
    t.notRegex(text, /(?:src|href)="https?:|@import|url\(["']?https?:/);
  }
});

test("requests without the token, with a wrong one, or with a part of it, are refused whatever they ask for", async (t) => {
  const { ui } = await example(t);
  const token = ui.base.slice(1, -1);
  t.true(token.length >= 32);
  for (const path of [
    "/",
    "/index.html",
    "/page.js",
    "/events",
    "/api/overview",
    `/${token.slice(0, -1)}/`,
    `/${token}x/`,
    `//${token}/`,
    `/${"A".repeat(32)}/page.js`,
    `/${"A".repeat(10_000)}/`,
    "/%2e%2e/",
    "*",
  ]) {
    const { status, text } = await sent(ui, { path });
    t.is(status, 403, path);
    t.false(text.includes(token), path);
  }
  const { status } = await sent(ui, { method: "POST", path: "/api/overview", headers: json(ui), body: "{}" });
  t.is(status, 403);
});

test("requests with another Host, are refused: a name that was made to lead to this machine is no name of it", async (t) => {
  const { ui } = await example(t);
  const { port } = new URL(ui.origin);
  for (const host of [
    "example.com",
    `example.com:${port}`,
    `127.0.0.1.example.com:${port}`,
    `localhost.example.com`,
    `x@127.0.0.1:${port}`,
    "0.0.0.0",
    "127.0.0.2",
    "127.0.0.1",
    `127.0.0.1:${Number(port) + 1}`,
    `localhost:${Number(port) - 1}`,
    "localhost:80",
  ]) {
    for (const [method, path] of [
      ["GET", ui.base],
      ["GET", `${ui.base}events`],
      ["POST", `${ui.base}api/overview`],
    ]) {
      const headers = method === "POST" ? json(ui, { Host: host }) : { Host: host };
      const { status } = await sent(ui, {
        method,
        path,
        headers,
        body: method === "POST" ? "{}" : undefined,
      });
      t.is(status, 421, `${method} ${host}`);
    }
  }
  const forwarded = await sent(ui, { path: ui.base, headers: { Host: `localhost:${Number(port) + 1}` } });
  t.true(forwarded.text.startsWith(`This page is at port ${port}; a forwarded port must be the same`));
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) {
    t.is((await sent(ui, { path: ui.base, headers: { Host: host } })).status, 200, host);
  }
});

test("requests with two Hosts, are refused: programs disagree about which of them counts", async (t) => {
  const { ui } = await example(t);
  const { hostname, port, host } = new URL(ui.origin);
  for (const hosts of [
    [host, "example.com"],
    ["example.com", host],
    [host, host],
  ]) {
    const socket = connect(Number(port), hostname);
    socket.end(
      `GET ${ui.base} HTTP/1.1\r\n${hosts.map((each) => `Host: ${each}\r\n`).join("")}Connection: close\r\n\r\n`,
    );
    let text = "";
    for await (const piece of socket) text += piece;
    t.regex(text, /^HTTP\/1\.1 400 /, hosts.join());
  }
});

test("requests that another page sends, are refused", async (t) => {
  const { ui } = await example(t);
  const path = `${ui.base}api/overview`;
  const post = (headers) => sent(ui, { method: "POST", path, headers, body: "{}" });
  t.is((await post(json(ui))).status, 200);
  for (const origin of [
    "https://example.com",
    "null",
    "http://127.0.0.1",
    "http://localhost:1",
    `${ui.origin}.example.com`,
  ]) {
    t.is((await post(json(ui, { Origin: origin }))).status, 403, origin);
    t.is((await sent(ui, { path: `${ui.base}events`, headers: { Origin: origin } })).status, 403, origin);
  }
  const { Origin: _, ...without } = json(ui);
  t.is((await post(without)).status, 403);
  for (const site of ["cross-site", "same-site"]) {
    t.is((await post(json(ui, { "Sec-Fetch-Site": site }))).status, 403, site);
    const headers = { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors" };
    t.is((await sent(ui, { path: `${ui.base}page.js`, headers })).status, 403, site);
  }
  // A link in a terminal that is itself a web page.
  const headers = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" };
  t.is((await sent(ui, { path: ui.base, headers })).status, 200);
});

test("paths that lead elsewhere, lead nowhere", async (t) => {
  const { ui } = await example(t);
  for (const path of [
    "../../package.json",
    "..%2f..%2fpackage.json",
    "%2e%2e/%2e%2e/manifest.json",
    "..\\..\\package.json",
    "./page.js",
    "page.js/",
    "page.js%00.html",
    "/etc/passwd",
    "built/page.js",
    "licenses.txt",
    "main.mjs",
    "api/__proto__",
    "api/constructor",
    "api/overview/x",
    "api/",
  ]) {
    const { status, text } = await sent(ui, { path: `${ui.base}${path}` });
    t.true([404, 405].includes(status), `${path}: ${status}`);
    t.true(text.length < 100, path);
    const posted = await sent(ui, {
      method: "POST",
      path: `${ui.base}${path}`,
      headers: json(ui),
      body: "{}",
    });
    t.true([404, 405].includes(posted.status), `${path}: ${posted.status}`);
  }
});

test("methods that a path does not have, are refused and told", async (t) => {
  const { ui } = await example(t);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]) {
    const { status, headers } = await sent(ui, { method, path: ui.base, headers: { Origin: ui.origin } });
    t.is(status, 405, method);
    t.is(headers.allow, "GET, HEAD");
  }
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
    const { status, headers } = await sent(ui, {
      method,
      path: `${ui.base}api/compact`,
      headers: { Origin: ui.origin },
    });
    t.is(status, 405, method);
    t.is(headers.allow, "POST");
  }
  const { status, text } = await sent(ui, { method: "HEAD", path: ui.base });
  t.deepEqual({ status, text }, { status: 200, text: "" });
});

test("bodies that are too large, no JSON, or not called JSON, are refused, and the server goes on", async (t) => {
  const { ui } = await example(t);
  const path = `${ui.base}api/page`;
  const post = (body, headers = json(ui)) =>
    sent(ui, { method: "POST", path, headers, body }).catch(({ code }) => ({ status: code }));
  t.is((await post("{}")).status, 200);
  const huge = "x".repeat(5 << 20);
  t.true([413, "EPIPE", "ECONNRESET"].includes((await post(huge)).status));
  const chunked = await post(huge, json(ui, { "Transfer-Encoding": "chunked" }));
  t.true([413, "EPIPE", "ECONNRESET"].includes(chunked.status));
  for (const body of ["", "{", "null", "[]", '"text"', "\ufeff{}", "{}{}"])
    t.is((await post(body)).status, 400, body);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", ""]) {
    t.is((await post("{}", json(ui, { "Content-Type": type }))).status, 415, type);
  }
  t.is((await post(`${"[".repeat(1_000_000)}`)).status, 400);
  t.is((await post("{}")).status, 200);
});

test("arguments that cannot be, are refused with their names", async (t) => {
  const { ui } = await example(t);
  for (const [name, args, wrong] of [
    ["record", {}, "id"],
    ["record", { id: "" }, "id"],
    ["record", { id: 1 }, "id"],
    ["record", { id: ["a"] }, "id"],
    ["page", { offset: -1 }, "offset"],
    ["page", { limit: 1.5 }, "limit"],
    ["page", { query: "{}" }, "query"],
    ["page", { sort: { n: 2 } }, "sort"],
    ["page", { columns: [1] }, "columns"],
    ["page", { search: {} }, "search"],
    ["activity", { since: "now" }, "since"],
    ["restore", { id: "a" }, "position"],
  ]) {
    const error = await t.throwsAsync(called(ui, name, args), undefined, JSON.stringify([name, args]));
    t.is(error.status, 400);
    t.true(error.message.includes(`"${wrong}"`), error.message);
  }
  const error = await t.throwsAsync(called(ui, "page", { query: { $where: "1" } }));
  t.is(error.code, "OPSLOG_INVALID_ARGUMENT");
  t.is((await t.throwsAsync(called(ui, "page", { at: "yesterday" }))).code, "OPSLOG_INVALID_ARGUMENT");
});

test("what is no HTTP, and a request that never ends, leave the server as it was", async (t) => {
  const { ui } = await example(t);
  const { hostname, port } = new URL(ui.origin);
  const speak = async (text) => {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(text);
    return socket;
  };
  const unfinished = await speak(`POST ${ui.base}api/page HTTP/1.1\r\nHost: ${ui.host}\r\n`);
  t.teardown(() => unfinished.destroy());
  for (const text of ["\u0000\u0001\u0002\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", `GET / HTTP/1.1\r\n\r\n`]) {
    const socket = await speak(text);
    socket.resume();
    await once(socket, "close");
  }
  t.is((await called(ui, "overview")).records, 1);
});

test("without --write, nothing can be changed, and no file is", async (t) => {
  const { folder, ui } = await example(t);
  const before = await contents(folder);
  const { operations } = await called(ui, "history", { id: "a" });
  for (const [name, args] of [
    ["restore", { id: "a", position: operations[1].position }],
    ["compact", {}],
  ]) {
    const error = await t.throwsAsync(called(ui, name, args));
    t.like(error, { status: 403, code: "OPSLOG_READ_ONLY" });
  }
  for (const name of ["overview", "page", "columns", "activity", "space", "verify", "last"])
    await called(ui, name);
  t.deepEqual(await contents(folder), before);
});

test("the server listens on the loopback interface alone", async (t) => {
  const { ui } = await example(t);
  t.is(new URL(ui.address).hostname, "127.0.0.1");
});
