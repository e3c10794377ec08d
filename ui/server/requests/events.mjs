/** Server-sent events: what happens in the store, told to every page that is open. */

const BEAT_MS = 15_000;
const MOST_PAGES = 32;
/** A page that does not read is left behind once so many bytes wait for it. */
const MOST_WAITING = 4 << 20;

export class Events {
  #pages = new Set();
  #beat;

  constructor() {
    this.#beat = setInterval(() => this.#write(": still here\n\n"), BEAT_MS);
    this.#beat.unref();
  }

  /** Takes over a response. `first` is told to this page alone. */
  add(response, first) {
    if (this.#pages.size >= MOST_PAGES) return false;
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
    response.write("retry: 1000\n\n");
    response.write(printed("state", first));
    this.#pages.add(response);
    response.on("close", () => this.#pages.delete(response));
    return true;
  }

  get isHeard() {
    return this.#pages.size > 0;
  }

  tell(type, data) {
    if (this.isHeard) this.#write(printed(type, data));
  }

  #write(text) {
    for (const response of this.#pages) {
      if (response.writableLength > MOST_WAITING) response.destroy();
      else response.write(text);
    }
  }

  close() {
    clearInterval(this.#beat);
    for (const response of this.#pages) response.destroy();
  }
}

function printed(type, data) {
  return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
