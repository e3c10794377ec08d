"use strict";

// Objects of any size, in pieces: up in parts of one upload, down in ranges, so that a few pieces are in memory, and the time limit of
// an attempt is for one of them. An object that is no longer than a piece is one request, both ways.

const { Buffer } = require("../platform/builtins").buffer;
const {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} = require("./sdk");
const { isMissing } = require("./faults");

/** As S3 wants it at least for each part but the last. */
const PIECE_BYTES = 5 << 20;
/** So many parts are on their way at once. */
const PARALLEL = 2;

/** Puts buffers together to pieces of one size; the last may be shorter. */
function* piecesOf(buffers) {
  let [held, length] = [[], 0];
  for (let buffer of buffers) {
    while (length + buffer.length >= PIECE_BYTES) {
      const taken = PIECE_BYTES - length;
      yield Buffer.concat([...held, buffer.subarray(0, taken)]);
      buffer = buffer.subarray(taken);
      [held, length] = [[], 0];
    }
    held.push(buffer);
    length += buffer.length;
  }
  if (length > 0) yield Buffer.concat(held);
}

class LargeObjects {
  #requests;
  #objects;

  constructor(requests, objects) {
    this.#requests = requests;
    this.#objects = objects;
  }

  /** Writes an object under a name that is not in use. `buffers` are taken as they are needed. */
  async write(path, buffers) {
    const pieces = piecesOf(buffers);
    const { value: first = Buffer.alloc(0) } = pieces.next();
    const { done, value: second } = pieces.next();
    if (done) {
      await this.#objects.put(path, first);
      return;
    }
    const Key = this.#objects.key(path);
    const UploadId = await this.#requests.send(
      CreateMultipartUploadCommand,
      { Key },
      (answer) => answer.UploadId,
    );
    const upload = { Key, UploadId };
    try {
      await this.#complete(path, upload, await this.#parts(upload, [first, second], pieces));
    } catch (error) {
      // What cannot be taken away now goes with the sweep.
      await this.#abort(upload).catch(() => {});
      throw error;
    }
  }

  async #parts(upload, begun, pieces) {
    const parts = [];
    let number = 0;
    const worker = async () => {
      for (;;) {
        const piece = begun.length > 0 ? begun.shift() : pieces.next().value;
        if (piece === undefined) return;
        const PartNumber = ++number;
        const input = { ...upload, PartNumber, Body: piece };
        parts[PartNumber - 1] = await this.#requests.send(UploadPartCommand, input, (answer) => ({
          PartNumber,
          ETag: answer.ETag,
          ...(answer.ChecksumCRC32 !== undefined && { ChecksumCRC32: answer.ChecksumCRC32 }),
        }));
      }
    };
    const workers = Array.from({ length: PARALLEL }, worker);
    await Promise.allSettled(workers);
    await Promise.all(workers);
    return parts;
  }

  async #complete(path, upload, Parts) {
    const failed = async (error) => {
      // An earlier copy of this request may have done it: then there is no such upload any more, and the object is there.
      const isDone = isMissing(error) && (await this.#objects.head(path)) !== null;
      return isDone ? {} : undefined;
    };
    const input = { ...upload, MultipartUpload: { Parts } };
    await this.#requests.send(CompleteMultipartUploadCommand, input, () => ({}), failed);
  }

  async #abort(upload) {
    const failed = (error) => (isMissing(error) ? {} : undefined);
    await this.#requests.send(AbortMultipartUploadCommand, upload, () => ({}), failed);
  }

  /** Yields an object in pieces; nothing if it is not there. The next one is on its way while one is used. */
  async *read(path) {
    let [from, total] = [0, 1];
    const get = (at) => this.#objects.get(path, { Range: `bytes=${at}-${at + PIECE_BYTES - 1}` });
    let coming = get(0);
    while (from < total) {
      const found = await coming;
      if (found === null) {
        if (from === 0) return;
        throw Object.assign(new Error(`${path} was deleted while it was read`), { code: "ENOENT", path });
      }
      from += found.body.length;
      total = found.size ?? from;
      if (from < total) {
        coming = get(from);
        // NOTE: the caller may stop before it is awaited.
        coming.catch(() => {});
      }
      yield found.body;
    }
  }

  /** Ends uploads below a prefix that began before a time and were not completed. */
  async abandon(prefix, beforeMs) {
    const input = { Prefix: this.#objects.key(prefix) };
    const begun = await this.#requests.send(
      ListMultipartUploadsCommand,
      input,
      ({ Uploads = [] }) => Uploads,
    );
    for (const { Key, UploadId, Initiated } of begun) {
      if (Initiated !== undefined && Initiated.getTime() < beforeMs) await this.#abort({ Key, UploadId });
    }
  }
}

module.exports = { LargeObjects };
