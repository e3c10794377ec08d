/** Many ids in little memory: as JSON in blocks, of which a page reads one or two. */

const BLOCK = 1024;

export class IdList {
  #blocks = [];
  #open = [];
  length = 0;

  push(id) {
    this.#open.push(id);
    this.length++;
    if (this.#open.length === BLOCK) {
      this.#blocks.push(Buffer.from(JSON.stringify(this.#open)));
      this.#open = [];
    }
  }

  #block(number) {
    return number < this.#blocks.length ? JSON.parse(this.#blocks[number]) : this.#open;
  }

  /** The ids from one place up to another. */
  slice(from, to) {
    const end = Math.min(to, this.length);
    const ids = [];
    for (let at = Math.max(0, from); at < end;) {
      const number = Math.floor(at / BLOCK);
      const first = number * BLOCK;
      const part = this.#block(number).slice(at - first, end - first);
      for (const id of part) ids.push(id);
      at += part.length;
    }
    return ids;
  }

  /** Lists of ids, one block after the other. */
  *blocks() {
    const last = this.#blocks.length;
    for (let number = 0; number <= last; number++) yield this.#block(number);
  }
}
