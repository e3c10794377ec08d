"use strict";

// The walks over all records that are under way, and what they see of changes: nothing, or, while a batch is put together, what the walk of
// a Map would see. A walk goes through a Map of objects, or through a pass that keeps none.

const { LiveWalk, UNREAD } = require("./live-walk");

class Walks {
  #maps = [];
  #passes = [];
  #live = [];
  #isLive = false;

  /** Whether walks see what is changed meanwhile: within a batch, as in 0.8.1. */
  get isLive() {
    return this.#isLive;
  }

  /** Runs a function: what it changes is seen by walks that it has under way. */
  live(fn) {
    this.#isLive = true;
    try {
      return fn();
    } finally {
      this.#isLive = false;
    }
  }

  /** Runs a function that walks through a Map. */
  through(map, walk) {
    this.#maps.push(map);
    try {
      walk();
    } finally {
      this.#maps.pop();
    }
  }

  /** Runs a function that walks through a pass, beside a Map of what was known when it began. */
  along(pass, known, walk) {
    this.#passes.push(pass);
    try {
      this.through(known, walk);
    } finally {
      this.#passes.pop();
    }
  }

  /** Runs a function that walks through a pass within a batch. */
  alongLive(pass, walk) {
    const live = new LiveWalk(pass);
    this.#passes.push(pass);
    this.#live.push(live);
    try {
      walk(live);
    } finally {
      this.#passes.pop();
      this.#live.pop();
    }
  }

  /** Whether Maps are walked through. */
  get haveMaps() {
    return this.#maps.length > 0;
  }

  /** Whether a Map must stay as it is for a walk. */
  mustStay(map) {
    return !this.#isLive && this.#maps.includes(map);
  }

  /** Whether a change is to be told to walks that see it. */
  get seeChanges() {
    return this.#isLive && (this.#live.length > 0 || this.#maps.length > 0);
  }

  /** A record is about to change that these walks must not see changed: `read(map)` makes its object for a Map that lacks it. */
  hold(id, read) {
    if (this.#maps.length === 0) return;
    this.detach();
    for (const map of this.#maps) if (map.get(id) === UNREAD) read(map);
  }

  /** A record is about to change for walks that see it; `exists()` tells whether it is there. */
  beforeChange(exists) {
    for (const live of this.#live) live.beforeChange(exists());
  }

  /** The record was set, as walks see it; `kept` is the Map that is changed anyway. */
  set(id, kept) {
    for (const live of this.#live) live.changed(id);
    for (const map of this.#maps) if (map !== kept) map.set(id, UNREAD);
  }

  /** The record was deleted, as walks see it. */
  delete(id, kept) {
    for (const live of this.#live) live.deleted(id);
    for (const map of this.#maps) if (map !== kept) map.delete(id);
  }

  /** Passes read what is left. */
  detach() {
    for (const pass of this.#passes) pass.detach();
  }

  /** Tells passes that a record is another; without an id, any may be. */
  tell(id) {
    for (const pass of this.#passes) pass.changed(id);
  }

  /** The object that a pass is visiting, if it is that of this record. */
  visited(id) {
    for (const pass of this.#passes) {
      const visited = pass.visited(id);
      if (visited !== undefined) return visited;
    }
    return undefined;
  }

  /** Puts the objects that passes are visiting into a Map of all records. */
  giveVisited(map) {
    for (const pass of this.#passes) pass.giveVisited(map);
  }
}

module.exports = { Walks };
