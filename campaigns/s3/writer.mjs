/**
 * One writer of the soak, in a process of its own. It tells of each write before it is called and when it is
 * acknowledged, so that the process that counts knows what must be there, also after a kill.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Store } from "../../index.mjs";
import { s3Backend, s3Client } from "./clients.mjs";

const { kind, endpoint, credentials, bucket, lockTtlMs, agentId, threshold, first, pauseMs } = JSON.parse(
  process.argv[2],
);
let isOver = false;
process.on("message", ({ stop }) => (isOver ||= stop));

const client = s3Client(endpoint, credentials);
const backend = await s3Backend(kind, { client, bucket, prefix: "store", lockTtlMs });
const store = new Store();

// The clock that a write was acknowledged with: that of its last append.
const clocks = new Map();
const appendOps = backend.appendOps.bind(backend);
backend.appendOps = async (path, operations) => {
  for (const { id, clock } of operations) clocks.set(id, clock);
  await appendOps(path, operations);
};

const tell = (message) => process.send?.(message);

let seq = first;
const KEPT = 400;

function failed(error) {
  tell({ failed: error.code ?? error.name, message: error.message });
}

async function write(changes, work, clockOf) {
  const writes = changes.map(([id, value]) => ({ id, value, n: seq++ }));
  tell({ began: writes });
  try {
    const applied = await work();
    const clock = clockOf?.() ?? null;
    tell({ done: writes.map(({ n }) => n), applied: applied ?? true, clock });
  } catch (error) {
    failed(error);
  }
}

const own = (n) => `${agentId ?? "single"}-${n}`;

async function step(n) {
  const dice = Math.random();
  if (dice < 0.5) return write([[own(n), n]], () => store.set(own(n), { n }));
  if (dice < 0.62) {
    const ids = [n, n + 1, n + 2].map((m) => own(`batch-${m}`));
    const work = () => store.batch(() => ids.forEach((id) => store.set(id, { n })));
    return write(
      ids.map((id) => [id, n]),
      work,
    );
  }
  if (dice < 0.72) {
    const ids = Array.from({ length: 5 }, (_, m) => own(`burst-${n}-${m}`));
    await Promise.all(ids.map((id) => write([[id, n]], () => store.set(id, { n }))));
    return undefined;
  }
  if (dice < 0.84) {
    const id = `shared-${n % 7}`;
    return write(
      [[id, `${agentId}:${n}`]],
      () => store.set(id, { n: `${agentId}:${n}` }),
      () => clocks.get(id),
    );
  }
  if (dice < 0.9 && n > KEPT && store.has(own(n - KEPT))) {
    return write([[own(n - KEPT), null]], () => store.delete(own(n - KEPT)));
  }
  if (dice < 0.94) {
    const id = own(`undone-${n}`);
    let isThere = false;
    await write([[id, n]], async () => {
      await store.set(id, { n });
      isThere = true;
    });
    if (isThere) await write([[id, null]], () => store.undo());
    return undefined;
  }
  if (dice < 0.97) return store.refresh();
  return store.compact();
}

await store.open("ignored", {
  backend,
  agentId,
  checkpointThreshold: threshold,
  checkpointOnClose: Math.random() < 0.5,
});
tell({ opened: true });
while (!isOver) {
  await step(seq).catch(failed);
  if (pauseMs > 0) await delay(Math.random() * pauseMs);
}
await store.close().catch(failed);
tell({ closed: true });
client.destroy();
process.disconnect?.();
