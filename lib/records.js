"use strict";

// The records that somebody has looked at, as live objects. The native side holds their text; an object is
// parsed on first sight and kept until the record changes. Once somebody has asked for all records, the Map
// holds every id in order, and an entry that nobody has looked at since it changed holds UNREAD.

const { call, getText, hasRecord } = require("./native-errors");
const { Pass, parseList } = require("./pass");

const UNREAD = Symbol("unread");
const GONE = Symbol("gone");
/** Up to so many records, the first walk over all of them makes and keeps their objects. */
const FEW = 5000;

/** Parses a record's text; the empty text stands for `undefined`. */
function parseRecord(text) {
  return text === "" ? undefined : JSON.parse(text);
}

/** Calls back with the value and id of each pair in a flat list of ids and values; `null, id` stands for a record whose value is `undefined`. */
function forEachPair(flat, callback) {
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] === null) callback(undefined, flat[i + 1]);
    else callback(flat[i + 1], flat[i]);
  }
}

class Records {
  #core;
  #handle;
  #map = new Map();
  #complete = false;
  #walked = [];
  #passes = [];
  #passed = false;
  #cacheSize;
  #isSteady;

  /**
   * With `cacheSize`, at most so many objects are kept. `isSteady()` tells whether no other thread is about to change
   * records.
   */
  constructor(core, { cacheSize = Infinity, isSteady = () => true } = {}) {
    this.#core = core;
    this.#handle = core.handle();
    this.#cacheSize = cacheSize;
    this.#isSteady = isSteady;
  }

  get(id) {
    const known = this.#map.get(id);
    if (known !== undefined && known !== UNREAD) {
      if (this.#cacheSize !== Infinity) this.#remember(id, known);
      return known;
    }
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
    this.#all((value) => values.push(value));
    return values;
  }

  entries() {
    const entries = [];
    this.#all((value, id) => entries.push([id, value]));
    return entries;
  }

  filter(predicate) {
    const results = [];
    if (this.#shouldPass()) {
      this.#pass((value, id) => predicate(value, id) && results.push(value) > 0);
      return results;
    }
    // A loop of its own: through a visitor each call of the predicate would cost about a third more.
    const map = this.#filled();
    this.#walked.push(map);
    try {
      for (const [id, value] of map) {
        if (value === UNREAD) this.#filterUnread(map, id, predicate, results);
        else if (predicate(value, id)) results.push(value);
      }
    } finally {
      this.#walked.pop();
    }
    return results;
  }

  #filterUnread(map, id, predicate, results) {
    const value = this.#look(map, id);
    if (value !== GONE && predicate(value, id)) results.push(value);
  }

  /**
   * Visits each record in order. What the visitor changes is not seen by this walk. It returns whether it handed the
   * object on: objects that nobody got are not kept by the first walk over many records, and the next one keeps all.
   */
  forEach(visit) {
    if (this.#shouldPass()) this.#pass(visit);
    else this.#walk(visit);
  }

  /** The record is about to be set or deleted: walks that are under way must not see it. */
  beforeChange(id) {
    if (this.#walked.length === 0) return;
    this.#detachPasses();
    for (const map of this.#walked) if (map.get(id) === UNREAD) this.#readFor(map, id);
  }

  /** The record was set; its object is made when somebody looks. */
  changed(id) {
    this.#tellPasses(id);
    if (this.#complete) this.#writable().set(id, UNREAD);
    else if (this.#map.size > 0) this.#writable().delete(id);
  }

  /** The record was deleted. */
  deleted(id) {
    this.#tellPasses(id);
    if (this.#map.size > 0) this.#writable().delete(id);
  }

  /** Something happened to the record; the native side knows what. */
  look(id) {
    if (this.#exists(id)) this.changed(id);
    else this.deleted(id);
  }

  /** An operation on the record was undone: a record that it deleted is back where it stood. */
  undone(id) {
    if (this.#complete && !this.#map.has(id)) this.reorder([id]);
    else this.look(id);
  }

  /** Records changed, and the order with them: what is known stays, but where it stands is asked anew. */
  reorder(ids) {
    for (const id of ids) this.deleted(id);
    this.#complete = false;
  }

  /** Anything may have changed. */
  forget() {
    this.#tellPasses();
    this.#map = new Map();
    this.#complete = false;
    this.#passed = false;
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
    if (map === this.#map) this.#remember(id, value);
    else map.set(id, value);
    return value;
  }

  /** A record that changed since the walk began, and may be gone by now. */
  #look(map, id) {
    return this.#exists(id) ? this.#readFor(map, id) : GONE;
  }

  #remember(id, value) {
    if (this.#cacheSize !== Infinity) {
      // The newest stands last, so the first is the one that was not asked for the longest.
      this.#map.delete(id);
      if (this.#map.size >= this.#cacheSize) this.#map.delete(this.#map.keys().next().value);
    }
    this.#map.set(id, value);
  }

  #all(visit) {
    if (this.#cacheSize !== Infinity && this.#isSteady()) this.#pass(visit);
    else this.#walk(visit);
  }

  /** Whether the next walk should keep only what it hands on: always, if not all may be kept, else the first. */
  #shouldPass() {
    if (this.#complete || !this.#isSteady()) return false;
    if (this.#cacheSize !== Infinity) return true;
    if (this.#passed || this.#core.count() <= FEW) return false;
    this.#passed = true;
    return true;
  }

  /** Visits the objects of all records, and keeps them if all may be kept. */
  #walk(visit) {
    const map = this.#filled();
    this.#walked.push(map);
    try {
      for (const [id, value] of map) {
        const object = value === UNREAD ? this.#look(map, id) : value;
        if (object !== GONE) visit(object, id);
      }
    } finally {
      this.#walked.pop();
    }
  }

  /** Visits all records, and keeps the objects that were handed on. */
  #pass(visit) {
    this.#detachPasses();
    const pass = new Pass(this.#core);
    const known = this.#map;
    this.#passes.push(pass);
    this.#walked.push(known);
    try {
      for (let list = pass.next(); list !== null; list = pass.next()) {
        forEachPair(list, (value, id) => {
          const kept = (pass.hasChanged(id) ? known : this.#map).get(id);
          if (kept !== undefined && kept !== UNREAD) visit(kept, id);
          else if (visit(value, id) && !pass.hasChanged(id)) this.#remember(id, value);
        });
      }
    } finally {
      this.#passes.pop();
      this.#walked.pop();
    }
  }

  #detachPasses() {
    for (const pass of this.#passes) pass.detach();
  }

  #tellPasses(id) {
    for (const pass of this.#passes) pass.changed(id);
  }

  /** A Map with every record in it. */
  #filled() {
    if (this.#complete) return this.#map;
    this.#detachPasses();
    const known = this.#map;
    const scan = (restart) => call(() => this.#core.scan(restart));
    let map;
    for (let text = ""; text === "";) {
      map = new Map();
      const take = (value, id) => map.set(id, value);
      for (text = scan(true); text; text = scan(false)) forEachPair(parseList(this.#core, text), take);
    }
    // Objects that were handed out before must stay the same ones.
    for (const [id, value] of known) if (value !== UNREAD && map.has(id)) map.set(id, value);
    if (this.#cacheSize === Infinity) {
      this.#map = map;
      this.#complete = true;
    }
    return map;
  }

  /** The Map for a change: a copy while somebody walks it. */
  #writable() {
    if (this.#walked.includes(this.#map)) this.#map = new Map(this.#map);
    return this.#map;
  }
}

module.exports = { Records, forEachPair };
