/** Servers whose conditional writes hold one at a time but not at once, or that have none. */
import { setTimeout as delay } from "node:timers/promises";
import { Store } from "../../index.mjs";
import {
  createBucket,
  requireInstalled,
  s3Backend,
  s3Client,
  s3Config,
} from "../../campaigns/s3/clients.mjs";
import { startMoto } from "../../campaigns/s3/moto.mjs";
import { manual, newWorld, s3Test } from "./server.mjs";

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

s3Test(
  "open() of a new store is refused on moto with threads, whose conditions hold on their own and nearly always at once",
  async (t) => {
    const { endpoint, stop } = await startMoto({ threaded: true });
    t.teardown(stop);
    const client = s3Client(endpoint);
    t.teardown(() => client.destroy());
    await createBucket(client, "threads");
    for (const agentId of [undefined, "one"]) {
      const backend = await s3Backend("s3", { client, bucket: "threads", prefix: `of-${agentId}` });
      await t.throwsAsync(new Store().open("", { backend, agentId }), {
        code: "OPSLOG_UNSAFE_BACKEND",
        message: /Start it with one thread/,
      });
    }
  },
);

s3Test(
  "a client that keeps its middleware, and one that no middleware can be added to, serve a store",
  async (t) => {
    const { bucket, proxy } = await newWorld(t);
    const { ListObjectsV2Command, S3Client } = requireInstalled("@aws-sdk/client-s3");
    const used = new S3Client({ ...s3Config(proxy.endpoint), cacheMiddleware: true });
    const plain = s3Client(proxy.endpoint);
    t.teardown(() => [used, plain].forEach((client) => client.destroy()));
    await used.send(new ListObjectsV2Command({ Bucket: bucket }));
    const bare = { send: (...args) => plain.send(...args) };
    for (const [prefix, client] of Object.entries({ used, bare })) {
      const store = new Store();
      const backend = await s3Backend("s3", { client, bucket, prefix, graceMs: 0, lockTtlMs: 60_000 });
      await store.open("", { backend, ...manual });
      for (let n = 0; n < 3; n++) {
        await store.set("a", { n });
        await store.compact();
        // Objects bear the second in which they were written.
        await delay(1100);
      }
      await store.close();
      const seen = await s3Backend("s3", { client: plain, bucket, prefix });
      const snapshots = await seen.listBlobs("snapshots");
      t.true(snapshots.length <= 2, `${prefix}: ${snapshots.join(" ")}`);
    }
  },
);

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

s3Test(
  "open() of a new store on a server that lets none of many writes through tries them again, and does not take that for a contest",
  async (t) => {
    for (const [busy, tried] of [
      [2, 3],
      [Infinity, 5],
    ]) {
      const { open, proxy } = await newWorld(t);
      const { S3Client } = requireInstalled("@aws-sdk/client-s3");
      const client = new S3Client({ ...s3Config(proxy.endpoint), maxAttempts: 1 });
      t.teardown(() => client.destroy());
      const rounds = new Set();
      proxy.harm = ({ method, url }) => {
        const round = method === "PUT" && /\/probe\/[-0-9a-f]+/.exec(url)?.[0];
        if (!round) return undefined;
        rounds.add(round);
        return rounds.size <= busy ? "503 without effect" : undefined;
      };
      if (busy === Infinity)
        await t.throwsAsync(open({}, { client }), {
          code: "OPSLOG_IO",
          message: /let none of 8 writes through/,
        });
      else await (await open({}, { client })).close();
      t.is(rounds.size, tried);
    }
  },
);

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
