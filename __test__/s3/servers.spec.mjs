/** Servers whose conditional writes hold one at a time but not at once, or that have none. */
import { setTimeout as delay } from "node:timers/promises";
import { requireInstalled, s3Client } from "../../campaigns/s3/clients.mjs";
import { newWorld, s3Test } from "./server.mjs";

/** A client of a server that tests some conditions and writes in two steps. */
function twoStepClient(t, endpoint, names) {
  const { HeadObjectCommand } = requireInstalled("@aws-sdk/client-s3");
  const [client, direct] = [s3Client(endpoint), s3Client(endpoint)];
  t.teardown(() => [client, direct].forEach((one) => one.destroy()));
  const etagOf = ({ Bucket, Key }) =>
    direct.send(new HeadObjectCommand({ Bucket, Key })).then(
      ({ ETag: etag }) => etag,
      () => null,
    );
  const inTwoSteps = (next) => async (args) => {
    const { headers } = args.request;
    for (const name of names.filter((name) => name in headers)) {
      const etag = await etagOf(args.input);
      // One that does not hold stays, and the server refuses it.
      if (name === "if-match" ? etag !== headers[name] : etag !== null) continue;
      delete headers[name];
      await delay(20);
    }
    return next(args);
  };
  client.middlewareStack.add(inTwoSteps, { step: "build", priority: "low" });
  return client;
}

for (const [names, what] of [
  [["if-none-match", "if-match"], "creates"],
  [["if-match"], "replaces"],
]) {
  s3Test(
    `open() of a new store is refused on a server that ${what} an object twice at once, although each condition alone holds`,
    async (t) => {
      const { endpoint, open } = await newWorld(t);
      const client = twoStepClient(t, endpoint, names);
      for (const agentId of [undefined, "one"]) {
        const error = await t.throwsAsync(open({ agentId }, { client, prefix: `unsafe-${agentId}` }), {
          code: "OPSLOG_UNSAFE_BACKEND",
        });
        t.regex(error.message, new RegExp(`conditional writes at once it ${what} one object \\d times`));
      }
    },
  );
}

s3Test("open() on a server that answers conditional writes with 501 is refused", async (t) => {
  const { endpoint, open } = await newWorld(t);
  const client = s3Client(endpoint);
  t.teardown(() => client.destroy());
  const without = (next) => (args) => {
    if (!("if-none-match" in args.request.headers || "if-match" in args.request.headers)) return next(args);
    throw Object.assign(new Error("not implemented"), { $metadata: { httpStatusCode: 501 } });
  };
  client.middlewareStack.add(without, { step: "build", priority: "low" });
  for (const agentId of [undefined, "one"])
    await t.throwsAsync(open({ agentId }, { client }), { code: "OPSLOG_UNSAFE_BACKEND" });
});

s3Test("only open() of a new store tries many writes at once, and leaves nothing of them", async (t) => {
  const { backend, open, proxy } = await newWorld(t);
  let tried = 0;
  proxy.harm = ({ method, url }) => void (method === "PUT" && url.includes("/probe/") && tried++);
  await (await open()).close();
  t.is(tried, 16);
  for (const options of [{}, { agentId: "one" }, { readOnly: true }]) await (await open(options)).close();
  t.is(tried, 16);
  const files = await (await backend()).listFiles();
  t.deepEqual(
    files.filter(({ path }) => path.startsWith("probe/")),
    [],
  );
});
