/** Backends that hand a log over as lines: what is no line of an operation is an error, and all else is as with `readOps()`. */
import test from "ava";
import { Store } from "../../index.mjs";
import { generator } from "../helpers/failing-schedules.mjs";
import { memoryBackend, memoryBucket } from "../helpers/memory-backend.mjs";

const manual = { checkpointOnClose: false, checkpointThreshold: Infinity };

async function opened(bucket, options, backend = memoryBackend(bucket, { conditional: true, lines: true })) {
  const store = new Store();
  await store.open("x", { backend, ...manual, ...options });
  return store;
}

for (const agentId of [undefined, "one"]) {
  const who = agentId === undefined ? "single writer" : "agent";
  test(`a store whose backend hands over lines is the one that readOps() gives, of a ${who}`, async (t) => {
    const random = generator(7);
    const bucket = memoryBucket();
    const names = ["a", "b\n", "\u2028", "\ud800", "ä", '"\\'];
    for (let life = 0; life < 6; life++) {
      const store = await opened(bucket, { agentId });
      for (let step = 0; step < 40; step++) {
        const id = names[Math.floor(random() * names.length)];
        const dice = random();
        if (dice < 0.6) await store.set(id, { n: step, text: `${id}\r\n,{}[]` });
        else if (dice < 0.7) await store.batch(() => names.forEach((name) => void store.set(name, { step })));
        else if (dice < 0.8) await store.undo();
        else if (dice < 0.82) await store.compact();
        else if (store.has(id)) await store.delete(id);
      }
      const lines = await opened(bucket, { readOnly: true });
      const plain = await opened(bucket, { readOnly: true }, memoryBackend(bucket, { conditional: true }));
      t.deepEqual(lines.entries(), store.entries());
      t.deepEqual(lines.entries(), plain.entries());
      t.deepEqual(lines.getOps(), plain.getOps());
      for (const one of [lines, plain, store]) await one.close();
    }
  });
}

for (const [what, pieces, message] of [
  ["a text", () => "{}\n", /readOpsLines\(\) must return an array of Buffers/],
  ["texts", () => ["{}\n"], /readOpsLines\(\) must return an array of Buffers/],
  ["nothing", () => undefined, /readOpsLines\(\) must return an array of Buffers/],
  ["a line that is no JSON", () => [Buffer.from("{\n")], /is no operation/],
  ["JSON that is no operation", () => [Buffer.from('{"a":1}\n')], /is no operation/],
  [
    "a line that is cut between two pieces",
    ([piece]) => [piece.subarray(0, 20), piece.subarray(20)],
    /no operation/,
  ],
  ["bytes that are no UTF-8", () => [Buffer.from([255, 254, 10])], /is no operation/],
])
  test(`open() refuses ${what} in the place of a log's lines`, async (t) => {
    const bucket = memoryBucket();
    const store = await opened(bucket);
    await store.set("a", { n: 1 });
    await store.close();
    const backend = memoryBackend(bucket, { conditional: true, lines: true });
    const { readOpsLines } = backend;
    backend.readOpsLines = async (path) => pieces(await readOpsLines(path));
    await t.throwsAsync(opened(bucket, {}, backend), { code: "OPSLOG_CORRUPT", message });
  });

test("lines without a newline at their end, empty lines and empty pieces are taken as they are", async (t) => {
  const bucket = memoryBucket();
  const store = await opened(bucket);
  await store.set("a", { n: 1 });
  await store.set("b", { n: 2 });
  await store.close();
  const backend = memoryBackend(bucket, { conditional: true, lines: true });
  const { readOpsLines } = backend;
  backend.readOpsLines = async (path) => {
    const [piece] = await readOpsLines(path);
    const text = piece?.toString().trimEnd() ?? "";
    return [Buffer.alloc(0), Buffer.from(`\n${text.replace("\n", "\n\n")}`)];
  };
  const reader = await opened(bucket, { readOnly: true }, backend);
  t.deepEqual(
    reader.entries().map(([id]) => id),
    ["a", "b"],
  );
  await reader.close();
});
