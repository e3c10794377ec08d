/** agentdb's MCP server in a process of its own, over stdio and over HTTP, with the client of the official SDK. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { startHttp } from "@backloghq/agentdb/mcp";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { check } from "./harness.mjs";
import { callAll, calledTools, collectionOptions, embed } from "./tool-calls.mjs";

const program = fileURLToPath(new URL("cli.js", import.meta.resolve("@backloghq/agentdb/mcp")));

/** A server that turns texts into vectors, as agentdb asks for them. */
async function startEmbeddings() {
  const server = createServer(async (request, response) => {
    const { texts } = await json(request);
    response.end(JSON.stringify({ embeddings: embed(texts) }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function connect(transport) {
  const client = new Client({ name: "dependents", version: "1.0.0" });
  await client.connect(transport);
  return client;
}

function stdioTransport(folder, config) {
  const args = [program, "--path", join(folder, "data"), "--config", config];
  return new StdioClientTransport({ command: process.execPath, args, cwd: folder, stderr: "ignore" });
}

check("stdio", async (folder) => {
  const embeddings = await startEmbeddings();
  const url = `http://127.0.0.1:${embeddings.address().port}/`;
  const config = join(folder, "config.json");
  const settings = {
    db: { embeddings: { provider: "http", url, dimensions: 4 } },
    collections: collectionOptions,
  };
  await writeFile(config, JSON.stringify(settings));
  let client = await connect(stdioTransport(folder, config));
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map(({ name }) => name).sort(), calledTools);
  const answers = await callAll((name, args) => client.callTool({ name, arguments: args }));
  await client.close();
  client = await connect(stdioTransport(folder, config));
  const counted = await client.callTool({ name: "db_count", arguments: { collection: "notes" } });
  assert.equal(counted.structuredContent.count, 6);
  await client.close();
  embeddings.close();
  embeddings.closeAllConnections();
  return answers;
});

check("a server over stdio that is killed has kept all that it answered", async (folder) => {
  const config = join(folder, "config.json");
  await writeFile(config, "{}");
  for (let life = 0; life < 2; life++) {
    const transport = stdioTransport(folder, config);
    const client = await connect(transport);
    const found = await client.callTool({ name: "db_count", arguments: { collection: "items" } });
    assert.equal(found.structuredContent.count, life * 120);
    for (let n = 0; n < 120; n++) {
      const record = { _id: `${life}-${n}`, n };
      const answer = await client.callTool({ name: "db_insert", arguments: { collection: "items", record } });
      assert.ok(!answer.isError, answer.content[0].text);
    }
    process.kill(transport.pid, "SIGKILL");
    await client.close();
  }
  const client = await connect(stdioTransport(folder, config));
  const found = await client.callTool({ name: "db_count", arguments: { collection: "items" } });
  assert.equal(found.structuredContent.count, 240);
  await client.close();
});

check("a client over HTTP is told of the changes that it subscribed to", async (folder) => {
  const server = await startHttp(join(folder, "data"), { port: 0 });
  const url = new URL(`http://127.0.0.1:${server.port}/mcp`);
  const client = await connect(new StreamableHTTPClientTransport(url));
  const { tools } = await client.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name).sort(),
    [...calledTools, "db_subscribe", "db_unsubscribe"].sort(),
  );
  const told = new Promise((resolve) => {
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => resolve(params.data));
  });
  const call = (name, args) => client.callTool({ name, arguments: { collection: "items", ...args } });
  assert.ok(!(await call("db_subscribe")).isError);
  assert.ok(!(await call("db_insert", { record: { _id: "a" } })).isError);
  assert.deepEqual(JSON.parse(await told).ids, ["a"]);
  assert.ok(!(await call("db_unsubscribe")).isError);
  await client.close();
  await server.close();
});
