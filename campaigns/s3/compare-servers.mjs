// Starts S3 servers one after the other, looks at what each does with conditional writes, and whether open() takes it:
//   node campaigns/s3/compare-servers.mjs [--server NAME ...] [--json]
// Prints a table in Markdown: two PUTs of one object with If-None-Match: *, PUTs with a right and a wrong If-Match, and how many of 16
// PUTs at once, creates and replaces, were let through at most. More than one: the server cannot keep writers apart.

import { parseArgs } from "node:util";
import { checkServer } from "./check-server.mjs";
import { installClients } from "./clients.mjs";
import { SERVER_NAMES, startServer } from "./servers.mjs";

const { values } = parseArgs({
  options: { server: { type: "string", multiple: true, default: SERVER_NAMES }, json: { type: "boolean" } },
});

const verdict = (opened) => (typeof opened === "string" ? opened : `\`${opened.code}\``);

function row(name, found) {
  if (found.failed) return [name, `not started: ${found.failed}`];
  const { created, again, wrong, right } = found.conditions;
  const create = `${created}, ${again}`;
  const replace = `${right}, ${wrong}`;
  const race = `${found.created}, ${found.replaced}`;
  return [
    name,
    create,
    replace,
    race,
    found.readAfterWrite,
    found.large,
    verdict(found.single),
    verdict(found.agent),
  ];
}

await installClients();
const columns = [
  "server",
  "1st, 2nd",
  "right, wrong",
  "at once",
  "read after write",
  "parts and ranges",
  "single writer",
  "agent",
];
console.log(`| ${columns.join(" | ")} |\n|${" --- |".repeat(columns.length)}`);
for (const name of values.server) {
  let server;
  let found;
  try {
    server = await startServer(name);
    found = await checkServer(server);
  } catch (error) {
    found = { failed: error.message.split("\n")[0] };
    console.error(`${name}: ${error.message}`);
  } finally {
    await server?.stop();
  }
  if (values.json) console.error(name, JSON.stringify(found));
  console.log(`| ${row(name, found).join(" | ")} |`);
}
