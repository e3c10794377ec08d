"use strict";

// A file that is read in steps, between which the caller may forget the reading for good. A small one is read at once. A
// larger one is held by a plain descriptor: Node ends the process when its collector finds a FileHandle that is open.

const { Buffer } = require("../platform/builtins").buffer;
const { fs } = require("../platform/builtins");
const { promisify } = require("../platform/builtins").util;

const open = promisify(fs.open);
const fstat = promisify(fs.fstat);
const close = promisify(fs.close);

/** Reads as `FileHandle.read()` does; what `promisify()` makes of it differs from runtime to runtime. */
function read(fd, buffer, offset, length, position) {
  return new Promise((resolve, reject) => {
    fs.read(fd, buffer, offset, length, position, (error, bytesRead) => {
      if (error) reject(error);
      else resolve({ bytesRead, buffer });
    });
  });
}

const READ_AT_ONCE_BYTES = 1 << 20;

const forgotten = new FinalizationRegistry((fd) => fs.close(fd, () => {}));

class HeldFile {
  /** The file's size when it was opened. */
  size;
  #fd;
  /** The whole content, once the descriptor is closed. */
  #content = null;

  /** Opens a file for reading. */
  static async open(filePath) {
    const file = new HeldFile();
    file.#fd = await open(filePath, "r");
    forgotten.register(file, file.#fd, file);
    try {
      file.size = (await fstat(file.#fd)).size;
      if (file.size <= READ_AT_ONCE_BYTES) await file.#take();
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  }

  /** Reads as `FileHandle.read()` does. */
  async read(buffer, offset, length, position) {
    if (this.#content === null) return read(this.#fd, buffer, offset, length, position);
    const bytesRead = this.#content.copy(buffer, offset, position, position + length);
    return { bytesRead, buffer };
  }

  async close() {
    if (this.#fd === null) return;
    const fd = this.#fd;
    this.#fd = null;
    forgotten.unregister(this);
    await close(fd);
  }

  async #take() {
    const content = Buffer.allocUnsafe(this.size);
    let filled = 0;
    while (filled < this.size) {
      const { bytesRead } = await read(this.#fd, content, filled, this.size - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.#content = content.subarray(0, filled);
    await this.close();
  }
}

module.exports = { HeldFile };
