"use strict";

// The records that somebody has looked at, as live objects. The native side holds their text; an object is
// parsed on first sight and kept until the record changes. Once somebody has asked for all records, the Map
// holds every id in order, and an entry that nobody has looked at since it changed holds UNREAD.

const { call, getText, hasRecord } = require("./native-errors");

const UNREAD = Symbol("unread");

/** Parses a record's text; the empty text stands for `undefined`. */
function parseRecord(text) {
  return text === "" ? undefined : JSON.parse(text);
}

/** Goes through a flat list of ids and values; `null, id` stands for a record whose value is `undefined`. */
function forEachPair(text, callback) {
  const flat = JSON.parse(text);
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] === null) callback(flat[i + 1], undefined);
    else callback(flat[i], flat[i + 1]);
  }
}

class Records {
  #core;
  #handle;
  #map = new Map();
  #complete = false;
  #walked = [];

  constructor(core) {
    this.#core = core;
    this.#handle = core.handle();
  }

  get(id) {
    const known = this.#map.get(id);
    if (known !== undefined && known !== UNREAD) return known;
    if (known === undefined && this.#complete) return undefined;
    return this.#read(id);
  }

  has(id) {
    return this.#complete ? this.#map.has(id) : this.#exists(id);
  }

  get size() {
    return this.#complete ? this.#map.size : this.#core.count();
  }

  values() {
    const values = [];
    for (const [id, value] of this.#filled()) values.push(value === UNREAD ? this.#read(id) : value);
    return values;
  }

  entries() {
    const entries = [];
    for (const [id, value] of this.#filled()) entries.push([id, value === UNREAD ? this.#read(id) : value]);
    return entries;
  }

  /** Calls back with each record in order. What the callback changes is not seen by this walk. */
  forEach(callback) {
    const map = this.#filled();
    this.#walked.push(map);
    try {
      for (const [id, value] of map) {
        if (value !== UNREAD) callback(value, id);
        else if (this.#exists(id)) callback(this.#readFor(map, id), id);
      }
    } finally {
      this.#walked.pop();
    }
  }

  /** The record was set; its object is made when somebody looks. */
  changed(id) {
    if (this.#complete) this.#writable().set(id, UNREAD);
    else if (this.#map.size > 0) this.#map.delete(id);
  }

  /** The record was deleted. */
  deleted(id) {
    if (this.#map.size > 0) this.#writable().delete(id);
  }

  /** Something happened to the record; the native side knows what. */
  look(id) {
    if (this.#exists(id)) this.changed(id);
    else this.deleted(id);
  }

  /** Records changed, and the order with them: what is known stays, but where it stands is asked anew. */
  reorder(ids) {
    for (const id of ids) this.#writable().delete(id);
    this.#complete = false;
  }

  /** Anything may have changed. */
  forget() {
    this.#map = new Map();
    this.#complete = false;
  }

  #exists(id) {
    return hasRecord(this.#handle, id);
  }

  #read(id) {
    return this.#readFor(this.#map, id);
  }

  #readFor(map, id) {
    const text = getText(this.#handle, id);
    if (text === null) return undefined;
    const value = parseRecord(text);
    map.set(id, value);
    return value;
  }

  /** The Map with every record in it. */
  #filled() {
    if (this.#complete) return this.#map;
    const known = this.#map;
    const scan = (restart) => call(() => this.#core.scan(restart));
    let map;
    for (let text = ""; text === "";) {
      map = new Map();
      const take = (id, value) => map.set(id, value);
      for (text = scan(true); text; text = scan(false)) forEachPair(text, take);
    }
    // Objects that were handed out before must stay the same ones.
    for (const [id, value] of known) if (value !== UNREAD && map.has(id)) map.set(id, value);
    this.#map = map;
    this.#complete = true;
    return map;
  }

  /** The Map for a change: a copy while somebody walks it. */
  #writable() {
    if (this.#walked.includes(this.#map)) this.#map = new Map(this.#map);
    return this.#map;
  }
}

module.exports = { Records, forEachPair };
