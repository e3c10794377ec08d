"use strict";

// What others wrote since somebody last looked, with tail() or refresh(). A write may come upon it in between;
// it is kept from the first look on, so that the next returns it.

const identityOf = (clock, agent) => JSON.stringify([clock, agent]);

class Untold {
  #operations = null;

  /** Others wrote `operations`, and took those back that `removed` names by clock and agent. */
  add({ operations, removed }) {
    if (this.#operations === null) return;
    if (removed.length > 0) {
      const gone = new Set(removed.map(([clock, agent]) => identityOf(clock, agent)));
      this.#operations = this.#operations.filter(({ clock, agent }) => !gone.has(identityOf(clock, agent)));
    }
    for (const operation of operations) this.#operations.push(operation);
  }

  /** Somebody is about to look. */
  begin() {
    this.#operations ??= [];
  }

  /** Returns what there is, once. */
  take() {
    const operations = this.#operations ?? [];
    if (this.#operations !== null) this.#operations = [];
    return operations;
  }
}

module.exports = { Untold };
