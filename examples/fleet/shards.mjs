// Which store a vehicle writes to. A store takes only so many writers; what does not fit into one goes to several, and nothing spans two.

import { createHash } from "node:crypto";
import { Store } from "@backloghq/opslog";
import { S3Backend } from "@backloghq/opslog/s3";

const weight = (shard, id) => createHash("sha256").update(`${shard} ${id}`).digest().readUIntBE(0, 6);

/** The shard of an id: that with the greatest weight. Where a shard is added, only the ids move that are its own from then on. */
export function shardOf(id, shards) {
  let chosen = 0;
  for (let shard = 1; shard < shards; shard++) if (weight(shard, id) > weight(chosen, id)) chosen = shard;
  return chosen;
}

/** Opens a shard: each is a store of its own, under a prefix of its own. */
export async function openShard(bucket, shard, options) {
  const config = { forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined };
  const store = new Store();
  await store.open("", { backend: new S3Backend({ bucket, prefix: `fleet-${shard}`, config }), ...options });
  return store;
}
