/** Buckets on the S3 server that the program was told of (`S3_ENDPOINT`). */
import { randomUUID } from "node:crypto";
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";

const client = new S3Client({
  endpoint: process.env.S3_ENDPOINT,
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

/** The options of an S3Backend on a bucket that is there already. */
export function onBucket(bucket) {
  return { bucket, prefix: "data", client };
}

/** The options of an S3Backend on a bucket of its own. */
export async function newBucket(bucket = randomUUID()) {
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return onBucket(bucket);
}

/** The keys in a bucket. */
export async function keysOf({ bucket }) {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  return Contents.map(({ Key }) => Key);
}
