"use strict";

// Reads a log: the parts behind what is known of it, and roll-ups where there are many. A part without content is the mark of
// a closed log: nothing comes behind it.

const { LogListing } = require("./log-listing");
const { withBody } = require("./log-cache");
const { firstOf, numberOf, part, rollUpOf, rollUps } = require("./names");

/** From how many unread parts on roll-ups are looked for. */
const MANY = 32;

/** What is known of a log, and more bodies of lines. */
const grown = ({ bodies, bytes }, more) => ({
  bodies: more.reduce(withBody, bodies),
  bytes: more.reduce((sum, body) => sum + body.length, bytes),
});

class LogReader {
  #objects;
  #cache;
  #listing;

  constructor(objects, cache) {
    this.#objects = objects;
    this.#cache = cache;
    this.#listing = new LogListing(objects);
  }

  /** The `bodies` of lines of a log, the number of its next part, and whether it is closed. */
  async read(log) {
    const first = firstOf(log);
    if (first === null) return this.#readForeign(log);
    const known = this.#cache.get(log) ?? { bodies: [], bytes: 0, last: undefined, next: first };
    if (known.isClosed) return known;
    let page = await this.#listing.page(log, known.last);
    let from = known;
    if (page.isTruncated || page.items.length > MANY) {
      from = (await this.#throughRollUps(log, known)) ?? known;
      const items = await this.#objects.list(`${log}/`, from.last);
      page = { items };
    }
    const read = await this.#behind(log, from, page.items);
    this.#cache.set(log, read);
    return read;
  }

  /** What was appended by this process need not be read. */
  appended(log, number, body) {
    const known = this.#cache.get(log) ?? { bodies: [], bytes: 0, next: firstOf(log) };
    if (known.next !== number || known.isClosed) return;
    this.#cache.set(log, {
      ...grown(known, [body]),
      last: part(log, number),
      next: number + 1,
    });
  }

  /** Whether the next part is there. */
  async lastOf(log, known) {
    return (await this.#objects.list(`${log}/`, known?.last)).at(-1);
  }

  async #behind(log, known, items) {
    const parts = items.filter(({ path }) => path.endsWith(".jsonl"));
    const end = parts.findIndex(({ size }) => size === 0);
    const isClosed = end !== -1 && numberOf(parts[end].path) >= known.next;
    const wanted = isClosed ? parts.slice(0, end) : parts.filter(({ size }) => size > 0);
    const bodies = await this.#bodies(wanted.map(({ path }) => path));
    const last = wanted.at(-1)?.path ?? known.last;
    const numbers = wanted.map(({ path }) => numberOf(path)).filter((number) => number >= known.next);
    return {
      ...grown(known, bodies),
      last,
      next: numbers.length > 0 ? numbers.at(-1) + 1 : known.next,
      ...(isClosed && { isClosed }),
    };
  }

  /** Follows roll-ups from what is known on, one part at a time where one is missing. `null` if a foreign hand took parts away. */
  async #throughRollUps(log, known) {
    const found = (await this.#objects.list(`${rollUps(log)}/`)).map(({ path }) => rollUpOf(path));
    const all = found.filter((rollUp) => rollUp !== null && rollUp.from >= known.next);
    if (all.length === 0) return null;
    const chain = [];
    const end = Math.max(...all.map(({ to }) => to));
    let lastSize;
    for (let number = known.next; number <= end;) {
      const here = all.filter(({ from }) => from === number).sort((one, other) => other.to - one.to);
      chain.push(here[0]?.path ?? part(log, number));
      if (here[0]?.to === end) lastSize = here[0].size;
      number = (here[0]?.to ?? number) + 1;
    }
    const last = part(log, end);
    const [there] = (await this.#objects.page(last)).items;
    if (there === undefined || (lastSize !== undefined && there.size !== lastSize)) return null;
    const bodies = await this.#bodies(chain);
    return {
      ...grown(known, bodies),
      last,
      next: end + 1,
    };
  }

  /** A log of opslog-s3: its parts may be written anew, and it may be one object. */
  async #readForeign(log) {
    const items = await this.#objects.list(log.endsWith(".jsonl") ? log : `${log}/`);
    const parts = items.filter(({ path }) => path.endsWith(".jsonl"));
    const known = this.#cache.get(log);
    const identity = parts.map(({ path, etag }) => `${path} ${etag}`).join("\n");
    if (known?.identity === identity) return known;
    const isClosed = parts.at(-1)?.size === 0 && numberOf(parts.at(-1).path) > 0;
    const wanted = parts.filter(({ size }) => size > 0);
    const bodies = await this.#bodies(wanted.map(({ path }) => path));
    const read = {
      identity,
      ...grown({ bodies: [], bytes: 0 }, bodies),
      next: Math.max(0, ...parts.map(({ path }) => numberOf(path)).filter((number) => number > 0)) + 1,
      isClosed,
    };
    this.#cache.set(log, read);
    return read;
  }

  async #bodies(paths) {
    const found = await this.#objects.getAll(paths);
    return found.map((object, at) => {
      if (object !== null) return object.body;
      const message = `${paths[at]} is gone: it was superseded, and deleted after its grace period`;
      throw Object.assign(new Error(message), { code: "ENOENT", path: paths[at] });
    });
  }
}

module.exports = { LogReader };
