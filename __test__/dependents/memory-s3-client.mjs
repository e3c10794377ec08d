/** Stands in for the S3 client: the five commands that S3Backend sends, over a Map. */
import { createHash } from "node:crypto";

function failure(name, httpStatusCode) {
  return Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });
}

function etagOf(bytes) {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function rangeOf(header, bytes) {
  const match = /^bytes=(\d+)-(\d+)$/.exec(header ?? "");
  return match ? bytes.subarray(Number(match[1]), Number(match[2]) + 1) : bytes;
}

export class MemoryS3Client {
  objects = new Map();
  #failures = [];

  /** The next command of this name (such as "PutObjectCommand") whose key fits fails. */
  failNext(command, keyPattern) {
    this.#failures.push({ command, keyPattern });
  }

  async send(command) {
    await new Promise((resolve) => setImmediate(resolve));
    const name = command.constructor.name;
    const { Key: key } = command.input;
    const meets = (failing) => failing.command === name && failing.keyPattern.test(key);
    const index = this.#failures.findIndex(meets);
    if (index !== -1) {
      this.#failures.splice(index, 1);
      throw failure("SlowDown", 503);
    }
    return this[name](command.input);
  }

  destroy() {}

  PutObjectCommand({ Key, Body, IfNoneMatch }) {
    if (IfNoneMatch === "*" && this.objects.has(Key)) throw failure("PreconditionFailed", 412);
    const bytes = Buffer.from(Body);
    this.objects.set(Key, bytes);
    return { ETag: etagOf(bytes) };
  }

  GetObjectCommand({ Key, Range }) {
    const bytes = this.#object(Key, "NoSuchKey");
    const body = rangeOf(Range, bytes);
    return {
      ETag: etagOf(bytes),
      Body: { transformToString: async () => body.toString("utf8"), transformToByteArray: async () => body },
    };
  }

  HeadObjectCommand({ Key }) {
    return { ETag: etagOf(this.#object(Key, "NotFound")) };
  }

  DeleteObjectCommand({ Key }) {
    this.objects.delete(Key);
    return {};
  }

  DeleteObjectsCommand({ Delete }) {
    for (const { Key } of Delete.Objects) this.objects.delete(Key);
    return {};
  }

  ListObjectsV2Command({ Prefix, ContinuationToken }) {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(Prefix)).sort();
    const start = ContinuationToken ? Number(ContinuationToken) : 0;
    const page = keys.slice(start, start + 100);
    const next = start + page.length;
    return {
      Contents: page.map((Key) => ({ Key, Size: this.objects.get(Key).length })),
      IsTruncated: next < keys.length,
      NextContinuationToken: String(next),
    };
  }

  #object(key, missing) {
    const bytes = this.objects.get(key);
    if (!bytes) throw failure(missing, 404);
    return bytes;
  }
}
