/** What a follower was told of, and whether that was all: each set() that began and ended between two of its looks. */

export class Hearing {
  /** Where nothing can have been missed yet, up to its last look; `null` while it is not open. */
  #window = null;
  #over = [];

  /** It has opened, or was refreshed: from here on it must be told. */
  begin(from) {
    this.end();
    this.#window = { from, until: from, heard: new Set() };
  }

  end() {
    if (this.#window !== null) this.#over.push(this.#window);
    this.#window = null;
  }

  /** A look that began then has come to its end. */
  looked(started) {
    if (this.#window !== null) this.#window.until = started;
  }

  heard(tokens) {
    for (const token of tokens) this.#window?.heard.add(token);
  }

  /** Takes note of what `name` should have been told of and was not. Nothing may be under way. */
  check(agents, name, tally) {
    const open = this.#window;
    this.end();
    for (const { from, until, heard } of this.#over) {
      for (const { ledger, name: by } of agents) {
        if (by === name) continue;
        const missed = ledger.setBetween(from, until).filter((token) => !heard.has(token));
        if (missed.length > 0)
          tally.note(
            "not told",
            `${name} was not told of ${missed[0]} and ${missed.length - 1} others of ${by}`,
          );
        tally.tellable += ledger.setBetween(from, until).length;
      }
    }
    this.#over = [];
    if (open !== null) this.#window = { from: open.until, until: open.until, heard: open.heard };
  }
}
