"use strict";

// A JSON document of any size that is an object with a large object `records` in it. A document that fits
// into one string is parsed as one; a larger one member by member.

const { Buffer } = require("../platform/builtins").buffer;
const fs = require("../platform/builtins").fsPromises;
const { decode } = require("./lines");

// Above this a document might not fit into one string (V8's limit is 2^29 - 24 characters).
const WHOLE_LIMIT_BYTES = 256 << 20;
const CHUNK_BYTES = 1 << 20;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
const CLOSE_OBJECT = 0x7d;
const CLOSE_ARRAY = 0x5d;

/** Takes a document's text in chunks, cuts out its members and those of `records`, and parses each alone. */
class MemberReader {
  document = Object.create(null); // ids may be any string, `__proto__` too
  #level = 0; // 0: outside, 1: in the document, 2: in `records`
  #nested = 0; // how deep inside the value of a member
  #inString = false;
  #escaped = false;
  #key;
  #pieces = [];

  push(chunk) {
    let from = 0;
    const cut = (at) => {
      const text = this.#take(chunk.subarray(from, at));
      from = at + 1;
      return text;
    };
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (this.#inString) {
        this.#skipInString(byte);
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (this.#enters(byte)) cut(at);
        else this.#nested += 1;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (this.#nested > 0) this.#nested -= 1;
        else this.#leave(cut(at));
      } else if (this.#nested === 0 && byte === COMMA) {
        this.#member(cut(at));
      } else if (this.#nested === 0 && byte === COLON) {
        this.#key = JSON.parse(cut(at));
      }
    }
    if (from < chunk.length) this.#pieces.push(Buffer.from(chunk.subarray(from)));
  }

  end() {
    if (this.#level > 0 || this.#nested > 0 || this.#inString) {
      throw new SyntaxError("Unexpected end of JSON input");
    }
    return this.document;
  }

  #skipInString(byte) {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
  }

  /** Whether an opening bracket starts the document or `records`, and not a value. */
  #enters(byte) {
    if (this.#nested > 0 || byte !== OPEN_OBJECT) return false;
    if (this.#level === 1 && this.#key === "records") this.document.records = Object.create(null);
    else if (this.#level !== 0) return false;
    this.#level += 1;
    this.#key = undefined;
    return true;
  }

  #leave(text) {
    this.#member(text);
    this.#level -= 1;
  }

  #member(text) {
    if (this.#key !== undefined) {
      const target = this.#level === 2 ? this.document.records : this.document;
      target[this.#key] = JSON.parse(text);
      this.#key = undefined;
    } else if (text.trim() !== "") {
      JSON.parse(`{${text}}`); // says what is wrong with it
    }
  }

  #take(last) {
    const bytes = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    return decode(bytes);
  }
}

async function readLarge(handle) {
  const reader = new MemberReader();
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ;) {
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return reader.end();
    reader.push(chunk.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/** Parses a JSON file; above `wholeLimitBytes` member by member. */
async function readDocument(filePath, { wholeLimitBytes = WHOLE_LIMIT_BYTES } = {}) {
  const handle = await fs.open(filePath, "r");
  try {
    const { size } = await handle.stat();
    if (size > wholeLimitBytes) return await readLarge(handle);
    return JSON.parse(await handle.readFile("utf8"));
  } finally {
    await handle.close();
  }
}

module.exports = { readDocument };
