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
const { readInRanges } = require("./ranges");

/** As S3 wants it at least for each part but the last. */
const PIECE_BYTES = 5 << 20;
/** So many parts are on their way at once. */
const PARALLEL = 2;

/** Pieces of one size, of which the last may be shorter, out of buffers. Each is copied before the next one is taken. */
class Pieces {
  #buffers;
  /** What is left of the buffer that was taken last. */
  #rest = Buffer.alloc(0);
  /** The memory of pieces that are needed no more: V8 would let it go far later. */
  #free = [];

  constructor(buffers) {
    this.#buffers = buffers[Symbol.iterator]();
  }

  /** The next piece; `undefined` at the end. */
  next() {
    const piece = this.#free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
    let length = 0;
    while (length < piece.length) {
      if (this.#rest.length === 0) {
        const { done, value } = this.#buffers.next();
        if (done) break;
        this.#rest = value;
      }
      const taken = Math.min(this.#rest.length, piece.length - length);
      piece.set(this.#rest.subarray(0, taken), length);
      this.#rest = this.#rest.subarray(taken);
      length += taken;
    }
    if (length > 0) return piece.subarray(0, length);
    this.giveBack(piece);
    return undefined;
  }

  /** Nothing reads a piece any more: another one may take its memory. */
  giveBack(piece) {
    if (piece.length === PIECE_BYTES) this.#free.push(piece);
  }
}

class LargeObjects {
  #requests;
  #objects;

  constructor(requests, objects) {
    this.#requests = requests;
    this.#objects = objects;
  }

  /** Writes an object under a name that is not in use. `buffers` are taken as they are needed; the next may overwrite one. */
  async write(path, buffers) {
    const pieces = new Pieces(buffers);
    const first = pieces.next() ?? Buffer.alloc(0);
    const second = pieces.next();
    if (second === undefined) {
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
        const piece = begun.length > 0 ? begun.shift() : pieces.next();
        if (piece === undefined) return;
        const PartNumber = ++number;
        const { part, isRead } = await this.#part({ ...upload, PartNumber, Body: piece });
        parts[PartNumber - 1] = part;
        if (isRead) pieces.giveBack(piece);
      }
    };
    const workers = Array.from({ length: PARALLEL }, worker);
    await Promise.allSettled(workers);
    await Promise.all(workers);
    return parts;
  }

  /** Sends a part. `isRead` says that nothing reads its body any more: an attempt that was given up may still do so. */
  async #part(input) {
    let isRead = true;
    const failed = () => void (isRead = false);
    const take = ({ ETag, ChecksumCRC32, $metadata }) => {
      // NOTE: the SDK has attempts of its own.
      if ($metadata?.attempts !== 1) isRead = false;
      const { PartNumber } = input;
      return { PartNumber, ETag, ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) };
    };
    const part = await this.#requests.send(UploadPartCommand, input, take, failed);
    return { part, isRead };
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

  /** Yields an object in pieces, see `readInRanges()`. */
  read(path) {
    return readInRanges(this.#objects, path, PIECE_BYTES);
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
