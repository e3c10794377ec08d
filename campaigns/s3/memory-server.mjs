/**
 * As much of an S3 server as latency.mjs asks for, in memory, in a process of its own. It answers each request so many milliseconds behind its
 * arrival, and does nothing else meanwhile: what is slower than that is the client's.
 *
 *   node campaigns/s3/memory-server.mjs MILLISECONDS      prints its port
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(import.meta.url);
/** So long before its time an answer is waited for without a timer, which may be late by a millisecond. */
const SPIN_MS = 1.5;

/** Starts it. Returns its endpoint, and how to stop it. */
export async function startMemoryServer(latencyMs) {
  const child = spawn(process.execPath, [program, String(latencyMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = await once(child.stdout, "data");
  const stop = async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  return { endpoint: `http://127.0.0.1:${String(port).trim()}`, stop };
}

const objects = new Map();

function put(key, headers, body) {
  const found = objects.get(key);
  const isRefused =
    (headers["if-none-match"] === "*" && found !== undefined) ||
    (headers["if-match"] !== undefined && headers["if-match"] !== found?.etag);
  if (isRefused) return { status: 412, body: "<Error><Code>PreconditionFailed</Code></Error>" };
  const etag = `"${createHash("md5").update(body).digest("hex")}"`;
  objects.set(key, { body, etag, mark: headers["x-amz-meta-opslog"], modified: new Date() });
  return { status: 200, headers: { etag } };
}

function list(bucket, search) {
  const [prefix, after] = [search.get("prefix") ?? "", search.get("start-after") ?? ""];
  const keys = [...objects.keys()].filter((key) => key.startsWith(`${bucket}/`));
  const names = keys.map((key) => key.slice(bucket.length + 1));
  const found = names.filter((name) => name.startsWith(prefix) && name > after).sort();
  const contents = found.slice(0, 1000).map((name) => {
    const { etag, body, modified } = objects.get(`${bucket}/${name}`);
    return `<Contents><Key>${name}</Key><ETag>${etag}</ETag><Size>${body.length}</Size><LastModified>${modified.toISOString()}</LastModified></Contents>`;
  });
  const isTruncated = `<IsTruncated>${found.length > 1000}</IsTruncated>`;
  return { status: 200, body: `<ListBucketResult>${isTruncated}${contents.join("")}</ListBucketResult>` };
}

function answer({ method, url, headers }, content) {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  const key = decodeURIComponent(pathname).replace(/^\/|\/$/g, "");
  // The bucket itself.
  if (!key.includes("/")) return method === "GET" ? list(key, searchParams) : { status: 200 };
  if (method === "PUT") return put(key, headers, content);
  const found = objects.get(key);
  if (method === "DELETE") return { status: objects.delete(key) || found === undefined ? 204 : 500 };
  if (found === undefined) return { status: 404, body: "<Error><Code>NoSuchKey</Code></Error>" };
  const { body, etag, mark, modified } = found;
  const told = { etag, "last-modified": modified.toUTCString(), ...(mark && { "x-amz-meta-opslog": mark }) };
  return { status: 200, headers: told, body };
}

function serve(latencyMs) {
  const server = createServer((request, response) => {
    const due = performance.now() + latencyMs;
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const { status, headers, body = "" } = answer(request, Buffer.concat(chunks));
      const send = () => {
        if (performance.now() < due) return void setImmediate(send);
        response.writeHead(status, { "content-length": Buffer.byteLength(body), ...headers });
        response.end(request.method === "HEAD" ? undefined : body);
      };
      setTimeout(send, Math.max(0, latencyMs - SPIN_MS));
    });
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

if (process.argv[1] === program) serve(Number(process.argv[2]));
