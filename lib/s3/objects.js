"use strict";

// The objects below a prefix. A conditional write that was refused is read back: an earlier copy of the same request, whose
// answer was lost, is the reason as well as another writer's object.

const { Buffer } = require("../platform/builtins").buffer;
const {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} = require("./sdk");
const { randomUUID } = require("../platform/builtins").crypto;
const { opslogError } = require("../errors/errors");
const { isMissing, isRefused, isTransient, isUnknown } = require("./faults");
const { serverOf, serverTime } = require("./responses");

const PARALLEL = 16;
/** How many objects one request deletes at most, by S3's rules. */
const DELETED_AT_ONCE = 1000;

/** Runs `work` over the items, some at a time, and keeps the order. */
async function inParallel(items, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, worker));
  return results;
}

/** The whole body of an answer. A connection that was cut in the middle is a failure that passes. */
async function bodyOf({ Body: body, ContentLength: length }) {
  const read = await body.transformToByteArray();
  const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
  if (length !== undefined && bytes.length !== length) throw new Error("The connection was cut in a body");
  return bytes;
}

/** As `bodyOf()`, piece by piece into memory that `room(size)` gives. */
async function bodyInto(answer, room) {
  const { Body: body, ContentLength: length } = answer;
  if (length === undefined || typeof body[Symbol.asyncIterator] !== "function") return bodyOf(answer);
  const bytes = room(length);
  let at = 0;
  for await (const piece of body) {
    bytes.set(piece, at);
    at += piece.length;
  }
  if (at !== length) throw new Error("The connection was cut in a body");
  return bytes;
}

class Objects {
  #requests;
  #root;
  /** Whether the server compares ETags without their quotes; known once it refused one that was right. */
  #isBare = false;

  constructor(requests, prefix) {
    this.#requests = requests;
    this.#root = prefix === "" ? "" : `${prefix}/`;
  }

  key(path) {
    return this.#root + path;
  }

  /** An object, or a range of it, or `null`. `ageMs` is by the server's clock alone; of a range, `size` is that of the whole. */
  async get(path, range = {}) {
    const take = async (answer) => ({
      body: await bodyOf(answer),
      etag: answer.ETag,
      mark: answer.Metadata?.opslog,
      size: totalOf(answer.ContentRange),
      ageMs: serverTime(answer) - answer.LastModified?.getTime(),
    });
    const failed = (error) => (isMissing(error) ? null : undefined);
    return this.#orNull(GetObjectCommand, { Key: this.key(path), ...range }, take, failed);
  }

  /**
   * As `get()`, with the body in memory that `room(size)` gives. What an attempt that failed has taken is given up: the attempt may still
   * write to it.
   */
  async getInto(path, range, room) {
    const take = async (answer) => ({
      body: await bodyInto(answer, room),
      size: totalOf(answer.ContentRange),
    });
    const failed = (error) => (isMissing(error) ? null : undefined);
    return this.#orNull(GetObjectCommand, { Key: this.key(path), ...range }, take, failed);
  }

  /** The ETag of an object, or `null`. */
  async head(path) {
    const failed = (error) => (isMissing(error) ? null : undefined);
    return this.#orNull(HeadObjectCommand, { Key: this.key(path) }, ({ ETag: etag }) => etag, failed);
  }

  async #orNull(Command, input, take, failed) {
    const answer = await this.#requests.send(Command, input, take, (error) =>
      failed(error) === null ? { none: true } : undefined,
    );
    return answer?.none === true ? null : answer;
  }

  /** Writes an object, whatever is there. Returns its ETag. */
  async put(path, body) {
    return this.#requests.send(
      PutObjectCommand,
      { Key: this.key(path), Body: body },
      ({ ETag: etag }) => etag,
    );
  }

  /** Creates an object. Returns its ETag, or `null` if there is one that this call did not write. */
  create(path, body) {
    return this.#putIf(path, body, { IfNoneMatch: "*" });
  }

  /** Replaces an object that has this ETag. Returns the new one, or `null` if it has another, or is gone. */
  replace(path, body, etag) {
    return this.#putIf(path, body, { IfMatch: this.#isBare ? unquoted(etag) : etag });
  }

  /** Creates one object several times at once. Returns the `etag` and the `server` of each write that was let through. */
  createAtOnce(path, bodies) {
    return this.#atOnce(path, bodies, { IfNoneMatch: "*" });
  }

  /** Replaces one object that has this ETag, several times at once. Returns as `createAtOnce()`. */
  async replaceAtOnce(path, bodies, etag) {
    const written = await this.#atOnce(path, bodies, { IfMatch: etag });
    // Ceph's gateway: see below.
    return written.length > 0 ? written : this.#atOnce(path, bodies, { IfMatch: unquoted(etag) });
  }

  async #atOnce(path, bodies, condition) {
    const take = (answer) => ({ etag: answer.ETag, server: serverOf(answer) });
    // None is sent again: one that met another, or was not answered in time, was not seen to be let through.
    const failed = (error) => {
      if (isUnknown(error)) throw unsafe(error);
      return isRefused(error) || isMissing(error) || isTransient(error) ? { none: true } : undefined;
    };
    const put = (body) =>
      this.#requests.send(PutObjectCommand, { Key: this.key(path), Body: body, ...condition }, take, failed);
    return (await Promise.all(bodies.map(put))).filter(({ none }) => none !== true);
  }

  async #putIf(path, body, condition) {
    const mark = randomUUID();
    let found = null;
    const readBack = async (error) => {
      if (isUnknown(error)) throw unsafe(error);
      if (!isRefused(error) && !isMissing(error)) return undefined;
      found = await this.get(path);
      return { etag: found?.mark === mark && found.body.equals(body) ? found.etag : null };
    };
    const input = { Key: this.key(path), Body: body, Metadata: { opslog: mark }, ...condition };
    const { etag } = await this.#requests.send(
      PutObjectCommand,
      input,
      (answer) => ({ etag: answer.ETag }),
      readBack,
    );
    const wanted = condition.IfMatch;
    if (etag !== null || wanted === undefined || found?.etag !== wanted || this.#isBare) return etag;
    // Ceph's gateway compares the ETag without the quotes in which it gave it.
    const replaced = await this.#putIf(path, body, { IfMatch: unquoted(wanted) });
    if (replaced !== null) this.#isBare = true;
    return replaced;
  }

  /** A page of the objects below a prefix, in the order of their keys, behind a path. */
  async page(prefix, after = undefined) {
    const input = {
      Prefix: this.key(prefix),
      ...(after !== undefined && { StartAfter: this.key(after) }),
    };
    return this.#requests.send(ListObjectsV2Command, input, (answer) => this.#listed(answer));
  }

  /** All objects below a prefix, behind a path. */
  async list(prefix, after = undefined) {
    const items = [];
    let page = await this.page(prefix, after);
    items.push(...page.items);
    while (page.isTruncated && page.items.length > 0) {
      page = await this.page(prefix, items.at(-1).path);
      items.push(...page.items);
    }
    return items;
  }

  #listed(answer) {
    const { Contents: contents = [], IsTruncated: isTruncated = false } = answer;
    const items = contents.map(({ Key: key, ETag: etag, Size: size, LastModified: modified }) => ({
      path: key.slice(this.#root.length),
      etag,
      size,
      modifiedMs: modified.getTime(),
    }));
    return { items, isTruncated, timeMs: serverTime(answer) };
  }

  /** Reads several objects. */
  getAll(paths) {
    return inParallel(paths, (path) => this.get(path));
  }

  async delete(path) {
    await this.#requests.send(DeleteObjectCommand, { Key: this.key(path) });
  }

  /** Deletes many objects, in one request for a thousand where the server can do that. */
  async deleteAll(paths) {
    for (let from = 0; from < paths.length; from += DELETED_AT_ONCE) {
      const some = paths.slice(from, from + DELETED_AT_ONCE);
      const Objects = some.map((path) => ({ Key: this.key(path) }));
      try {
        await this.#requests.send(DeleteObjectsCommand, { Delete: { Objects, Quiet: true } });
      } catch (error) {
        if (isTransient(error)) throw error;
        await inParallel(some, (path) => this.delete(path));
      }
    }
  }
}

/** How long an object is of which a range was answered. */
function totalOf(contentRange) {
  const total = contentRange?.split("/")[1];
  return total === undefined ? undefined : Number(total);
}

/** The server has no conditional writes, and says so. */
function unsafe(cause) {
  const message = "This S3 server cannot keep two writers apart: it has no conditional writes";
  return opslogError("OPSLOG_UNSAFE_BACKEND", message, { cause });
}

function unquoted(etag) {
  return etag.replace(/^"(.*)"$/, "$1");
}

module.exports = { Objects };
