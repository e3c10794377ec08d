"use strict";

// The records that a caller has looked at, as live objects. The native side holds their text; an object is
// parsed on first sight and kept until the record changes. Once all records were asked for, the Map holds every
// id in order, and an entry that was not looked at since it changed holds UNREAD.

const { LiveWalk, UNREAD } = require("./live-walk");
const { call, getText, hasRecord } = require("../errors/native");
const { Pass, parseList } = require("./pass");
const { Finding } = require("../queries/find");
const { Walks, scanThrough, walkThrough } = require("../queries/walks");

const GONE = Symbol("gone");
/** Up to so many records, the first walk over all of them makes and keeps their objects. */
const FEW = 5000;

/** Parses a record's text, as JSON has it; the empty text stands for `undefined`. */
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
  /** Whether the Map was complete, and the order of its records is to be asked anew. */
  #reordered = false;
  /** What was known of the records that a batch changes, before it did. */
  #before = null;
  /** The ids of those of which nothing was. */
  #unknown = [];
  /** Goes through the Map from the object that was not asked for the longest. */
  #oldest = null;
  #walked = [];
  #passes = [];
  #liveWalks = [];
  #openWalks = new Walks();
  /** The declared indexes. */
  #indexes;
  /** Whether walks see what is changed meanwhile: within a batch, as in 0.8.1. */
  #isLive = false;
  #passed = false;
  #codec;
  #cacheSize;
  #isSteady;

  /**
   * With `cacheSize`, at most so many objects are kept. `isSteady()` tells whether no other thread is about to change
   * records. `codec` makes values of what JSON has.
   */
  constructor(core, { codec, cacheSize = Infinity, isSteady = () => true, indexes }) {
    this.#core = core;
    this.#codec = codec;
    this.#indexes = indexes;
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

  /** An object of its own: what its holder does to it touches no record. */
  copy(id) {
    return this.#codec.value(this.plain(id));
  }

  /** The value as JSON has it, which a backend gets. */
  plain(id) {
    return this.has(id) ? parseRecord(getText(this.#handle, id)) : undefined;
  }

  /** The value that goes to an archive. */
  archived(id) {
    return this.#codec.isPlain ? this.get(id) : this.plain(id);
  }

  /** All ids and values as JSON has them. */
  plainEntries() {
    return this.#codec.isPlain ? this.entries() : [...walkThrough(this.#core, this.#openWalks)];
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
   * Visits each record in order. What the visitor changes is not seen by this walk, unless it is `live()`. It returns
   * whether it handed the object on: objects that no caller got are not kept by the first walk over many records, and the next one keeps all.
   */
  forEach(visit) {
    if (this.#shouldPass()) this.#pass(visit);
    else this.#walk(visit);
  }

  /** Runs a function: what it changes is seen by walks that it has under way, as by those of a Map. */
  live(fn) {
    this.#isLive = true;
    try {
      return fn();
    } finally {
      this.#isLive = false;
    }
  }

  /** Walks through the ids as they are now, or through ids and values. */
  walk(idsOnly) {
    return walkThrough(this.#core, this.#openWalks, { idsOnly, codec: this.#codec });
  }

  /** Walks through ids and values as they are now, in the order of the ids. */
  scan(parsed) {
    const begun = () => this.#indexes?.ensureOrder();
    return scanThrough(this.#core, this.#openWalks, parsed, { codec: this.#codec, begun });
  }

  /** Something is about to be cut off the log: walks under way read what is left to them. */
  beforeCut() {
    this.#openWalks.hold();
  }

  /** All ids, in order. */
  ids() {
    if (this.#complete) return [...this.#map.keys()];
    this.#detachPasses();
    const ids = this.#scanned(
      (restart) => this.#core.scanIds(restart),
      (list, target) => list.forEach((id) => target.set(id, true)),
    );
    return [...ids.keys()];
  }

  /** Begins a query over the records as they are now. */
  find(parsed) {
    return new Finding(this.#core, parsed, { codec: this.#codec, indexes: this.#indexes });
  }

  /** The record is about to be set or deleted: walks that are under way must not see it, unless they are live. */
  beforeChange(id) {
    if (this.#isLive) {
      for (const walk of this.#liveWalks) walk.beforeChange(this.#exists(id));
      return;
    }
    if (this.#walked.length === 0) return;
    this.#detachPasses();
    for (const map of this.#walked) if (map.get(id) === UNREAD) this.#readFor(map, id);
  }

  /** From here on, changes may be taken back. */
  begin() {
    this.#before = new Map();
    this.#unknown = [];
  }

  /** The changes stay. */
  keep() {
    this.#before = null;
    this.#unknown = [];
  }

  /** The changes since `begin()` did not happen: what was known before is known again. */
  takeBack() {
    const before = this.#before ?? new Map();
    for (const id of this.#unknown) {
      if (!before.has(id)) before.set(id, { isThere: false, value: undefined, isDeleted: false });
    }
    this.keep();
    let isMoved = false;
    for (const [id, known] of before) {
      this.#tellPasses(id);
      // The Map may have become complete since.
      const isUnread = !known.isThere && this.#complete && this.#exists(id);
      if (isUnread) this.#writable().set(id, UNREAD);
      else if (!known.isThere) this.#writable().delete(id);
      else if (this.#complete) this.#writable().set(id, known.value);
      else this.#remember(id, known.value);
      isMoved ||= known.isDeleted;
    }
    if (isMoved) this.#askOrder();
  }

  /** The record was set; its object is made when it is looked at. */
  changed(id) {
    this.#tellPasses(id);
    if (this.#before !== null) this.#note(id, false);
    if (this.#isWalkedLive)
      this.#tellWalks(
        (walked) => walked.changed(id),
        (map) => map.set(id, UNREAD),
      );
    if (this.#complete) this.#writable().set(id, UNREAD);
    else this.#drop(id);
  }

  /** The record was deleted. */
  deleted(id) {
    this.#tellPasses(id);
    if (this.#before !== null) this.#note(id, true);
    if (this.#isWalkedLive)
      this.#tellWalks(
        (walked) => walked.deleted(id),
        (map) => map.delete(id),
      );
    this.#drop(id);
  }

  /** Something happened to the record; the native side knows what. */
  look(id) {
    if (this.#exists(id)) this.changed(id);
    else this.deleted(id);
  }

  /** The object of a record, if it was looked at. */
  known(id) {
    if (this.#map.size === 0) return undefined;
    const known = this.#map.get(id);
    return known === UNREAD ? undefined : known;
  }

  /**
   * An operation on the record was undone: a record that it deleted is back where it stood, and its object is `object`
   * again, if that is known.
   */
  undone(id, object) {
    if (this.#complete && !this.#map.has(id)) this.reorder([id]);
    else this.look(id);
    if (object === undefined || !this.#exists(id)) return;
    if (this.#complete) this.#writable().set(id, object);
    else this.#remember(id, object);
  }

  /** Records changed, and the order with them: what is known stays, but where it stands is asked anew. */
  reorder(ids) {
    for (const id of ids) this.deleted(id);
    this.#askOrder();
  }

  /** Anything may have changed. */
  forget() {
    this.#tellPasses();
    this.#put(new Map());
    this.#complete = false;
    this.#reordered = false;
    this.#passed = false;
    if (this.#before !== null) this.begin();
  }

  #askOrder() {
    this.#reordered ||= this.#complete;
    this.#complete = false;
  }

  /** The object of the record is not known any more; to walks that are not live it still is. */
  #drop(id) {
    if (this.#map.size > 0 || this.#walked.length > 0) this.#writable().delete(id);
  }

  /** Whether walks are under way that see what is changed. */
  get #isWalkedLive() {
    return this.#isLive && (this.#liveWalks.length > 0 || this.#walked.length > 0);
  }

  /** Tells live walks of a change: those of passes, and those of a Map that is not kept. */
  #tellWalks(tell, tellMap) {
    for (const walk of this.#liveWalks) tell(walk);
    for (const map of this.#walked) if (map !== this.#map) tellMap(map);
  }

  /** Notes what is known of a record that a batch changes. */
  #note(id, isDeleted) {
    if (!isDeleted && (this.#map.size === 0 || !this.#map.has(id))) {
      this.#unknown.push(id);
      return;
    }
    const noted = this.#before.get(id);
    if (noted !== undefined) noted.isDeleted ||= isDeleted;
    else this.#before.set(id, { isThere: this.#map.has(id), value: this.#map.get(id), isDeleted });
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
    const value = this.#codec.value(parseRecord(text));
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
      if (this.#map.size >= this.#cacheSize) this.#evict();
    }
    this.#map.set(id, value);
  }

  #evict() {
    // NOTE: one iterator for all: each new one would first pass the places of everything that was evicted before.
    let next = this.#oldest?.next();
    if (next === undefined || next.done) {
      this.#oldest = this.#map.keys();
      next = this.#oldest.next();
    }
    this.#map.delete(next.value);
  }

  #all(visit) {
    if (this.#cacheSize !== Infinity && this.#isSteady()) this.#pass(visit);
    else this.#walk(visit);
  }

  /** Whether the next walk should keep only what it hands on: always, if not all may be kept, else the first. */
  #shouldPass() {
    if (this.#complete || this.#reordered || !this.#isSteady()) return false;
    if (this.#cacheSize !== Infinity) return true;
    if (this.#isLive) return false;
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
    const pass = new Pass(this.#core, this.#codec);
    if (this.#isLive) {
      this.#passLive(pass, visit);
      return;
    }
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

  /** The same within a batch, whose changes are seen. */
  #passLive(pass, visit) {
    const walk = new LiveWalk(pass);
    this.#passes.push(pass);
    this.#liveWalks.push(walk);
    try {
      for (const [id, value] of walk) {
        const kept = this.#map.get(id);
        if (kept !== undefined && kept !== UNREAD) visit(kept, id);
        else if (value === UNREAD) visit(this.#readFor(this.#map, id), id);
        else if (visit(value, id) && !pass.hasChanged(id)) this.#remember(id, value);
      }
    } finally {
      this.#passes.pop();
      this.#liveWalks.pop();
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
    const map = this.#reordered ? this.#inOrder(known) : this.#parsed(known);
    if (this.#cacheSize === Infinity) {
      this.#put(map);
      this.#complete = true;
      this.#reordered = false;
    }
    return map;
  }

  /** All records, parsed, but for those that are known. */
  #parsed(known) {
    const map = this.#scanned(
      (restart) => this.#core.scan(restart),
      (list, target) => forEachPair(this.#codec.pairs(list), (value, id) => target.set(id, value)),
    );
    // Objects that were handed out before must stay the same ones.
    for (const [id, value] of known) if (value !== UNREAD && map.has(id)) map.set(id, value);
    return map;
  }

  /** The records that are known, in order, and an entry for each that is not. */
  #inOrder(known) {
    return this.#scanned(
      (restart) => this.#core.scanIds(restart),
      (ids, target) => ids.forEach((id) => target.set(id, known.has(id) ? known.get(id) : UNREAD)),
    );
  }

  /** Fills a Map with what the native side lists in pieces; anew when that changes meanwhile. */
  #scanned(read, take) {
    const scan = (restart) => call(() => read(restart));
    let map;
    for (let text = ""; text === "";) {
      map = new Map();
      for (text = scan(true); text; text = scan(false)) take(parseList(this.#core, text), map);
    }
    return map;
  }

  /** The Map for a change: a copy while it is walked through. */
  #writable() {
    if (!this.#isLive && this.#walked.includes(this.#map)) this.#put(new Map(this.#map));
    return this.#map;
  }

  #put(map) {
    this.#map = map;
    this.#oldest = null;
  }
}

module.exports = { Records, forEachPair };
