"use strict";

// The records that a caller has looked at, as live objects. The native side holds their text; an object is
// parsed on first sight and kept until the record changes; a copy of the new value may take its place. Once all records were asked
// for, the Map holds every id in order, and an entry that was not looked at since it changed holds UNREAD.

const { Given } = require("./given");
const { KnownBefore } = require("./known-before");
const { readEach, scannedIds, scannedRecords } = require("./listing");
const { UNREAD } = require("./live-walk");
const { getText, hasRecord } = require("../errors/native");
const { Pass } = require("./pass");
const { Walks } = require("./walks");
const { Finding, valuesOf } = require("../queries/find");
const { scanThrough, walkThrough } = require("../queries/walks");

/** From so many on, objects that a Map lacks are made in one go. */
const MANY = 32;
const GONE = Symbol("gone");
/** Up to so many records, the first walk over all of them makes and keeps their objects. */
const FEW = 5000;
/** From so many records on that were read one by one, all are read, if that is one in so many of all and they are no longer than this. */
const AHEAD = { fewest: 8, share: 32, length: 4_000_000 };

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
  /** How often an entry of a Map became UNREAD since none was. */
  #unread = 0;
  /** How many records were read one by one, and the length of their texts, as long as it matters. */
  #ahead = null;
  /** What was known of the records that a batch changes, before it did. */
  #before = null;
  /** Goes through the Map from the object that was not asked for the longest. */
  #oldest = null;
  /** Which values that are set are kept; `null` if none are. */
  #given = null;
  #walks = new Walks();
  /** The declared indexes. */
  #indexes;
  #passed = false;
  #codec;
  #cacheSize;
  #isSteady;

  /**
   * With `cacheSize`, at most so many objects are kept. `isSteady()` tells whether no other thread is about to change
   * records. `codec` makes values of what JSON has. With `keepsGiven`, copies of values that are set are kept as objects.
   */
  constructor(core, { codec, cacheSize = Infinity, isSteady = () => true, indexes, keepsGiven = false }) {
    this.#core = core;
    this.#codec = codec;
    this.#indexes = indexes;
    this.#handle = core.handle();
    this.#cacheSize = cacheSize;
    this.#isSteady = isSteady;
    this.#lookAhead();
    if (keepsGiven && codec.isJson) this.#given = new Given();
  }

  get(id) {
    const known = this.#map.get(id);
    if (known !== undefined && known !== UNREAD) {
      if (this.#given !== null) this.#given.seen();
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
    return this.#codec.isPlain ? this.entries() : [...walkThrough(this.#core)];
  }

  /** The same, one by one, as they are now, whatever changes until they are taken. */
  plainWalk() {
    return walkThrough(this.#core);
  }

  has(id) {
    return this.#complete ? this.#map.has(id) : this.#exists(id);
  }

  get size() {
    return this.#complete ? this.#map.size : this.#core.count();
  }

  values() {
    const values = [];
    const map = this.#kept();
    if (map === null) this.#all((value) => values.push(value));
    return map === null ? values : [...map.values()];
  }

  entries() {
    const entries = [];
    const map = this.#kept();
    if (map === null) this.#all((value, id) => entries.push([id, value]));
    return map === null ? entries : [...map];
  }

  filter(predicate) {
    const results = [];
    if (this.#shouldPass()) {
      this.#pass((value, id) => predicate(value, id) && results.push(value) > 0);
      return results;
    }
    // A loop of its own: through a visitor each call of the predicate would cost more. As `for ... of` it would take twice the time, and
    // far more before it is compiled.
    const map = this.#filled();
    this.#walks.through(map, () => {
      this.#readMany(map);
      map.forEach((value, id) => {
        if (value === UNREAD) this.#filterUnread(map, id, predicate, results);
        else if (predicate(value, id)) results.push(value);
      });
    });
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
    return this.#walks.live(fn);
  }

  /** Walks through the ids as they are now, or through ids and values. */
  walk(idsOnly) {
    return walkThrough(this.#core, { idsOnly, codec: this.#codec });
  }

  /** Walks through ids and values as they are now, in the order of the ids. */
  scan(parsed) {
    const begun = () => this.#indexes?.ensureOrder();
    return scanThrough(this.#core, parsed, { codec: this.#codec, begun });
  }

  /** All ids, in order. */
  ids() {
    if (this.#complete) return [...this.#map.keys()];
    this.#walks.detach();
    const ids = scannedIds(this.#core, (some, target) => some.forEach((id) => target.set(id, true)));
    return [...ids.keys()];
  }

  /** Begins a query over the records as they are now. */
  find(parsed) {
    return new Finding(this.#core, parsed, this.#searched);
  }

  /** The values, or the ids, that a query finds in the records as they are now. */
  found(parsed) {
    return valuesOf(this.#core, parsed, this.#searched);
  }

  get #searched() {
    return { codec: this.#codec, indexes: this.#indexes };
  }

  /** The record is about to be set or deleted: walks that are under way must not see it, unless they are live. */
  beforeChange(id) {
    if (this.#walks.isLive) this.#walks.beforeChange(() => this.#exists(id));
    else this.#walks.hold(id, (map) => this.#readFor(map, id));
  }

  /** From here on, changes may be taken back. */
  begin() {
    this.#before = new KnownBefore();
  }

  /** The changes stay. */
  keep() {
    this.#before = null;
  }

  /** The changes since `begin()` did not happen: what was known before is known again. */
  takeBack() {
    const before = this.#before?.all() ?? [];
    this.keep();
    let isMoved = false;
    for (const [id, known] of before) {
      this.#walks.tell(id);
      // The Map may have become complete since.
      const isUnread = !known.isThere && this.#complete && this.#exists(id);
      if (isUnread || (known.isThere && this.#complete && known.value === UNREAD)) this.#setUnread(id);
      else if (!known.isThere) this.#writable().delete(id);
      else if (this.#complete) this.#writable().set(id, known.value);
      else this.#remember(id, known.value);
      isMoved ||= known.isDeleted;
    }
    if (isMoved) this.#askOrder();
  }

  /** A copy of a value that is about to be set, if it is to be kept: its text is that of the record, and `changed()` gets it. */
  given(id, value) {
    if (this.#given === null) return undefined;
    const known = this.known(id);
    return known === undefined ? undefined : this.#given.copy(value, known);
  }

  /** The record was set. Its object is what `given()` returned, or is made when it is looked at. */
  changed(id, object) {
    this.#walks.tell(id);
    if (this.#before !== null) this.#before.note(this.#map, id, false);
    if (this.#walks.seeChanges) {
      this.#walks.set(id, this.#map);
      this.#unread += 1;
    }
    if (object !== undefined && this.#map.has(id)) this.#replace(id, object);
    else if (this.#complete) this.#setUnread(id);
    else this.#drop(id);
  }

  /** The record was deleted. */
  deleted(id) {
    this.#walks.tell(id);
    if (this.#before !== null) this.#before.note(this.#map, id, true);
    if (this.#walks.seeChanges) {
      this.#walks.delete(id, this.#map);
      this.#unread += 1;
    }
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
    this.#walks.tell();
    this.#put(new Map());
    this.#complete = false;
    this.#reordered = false;
    this.#passed = false;
    this.#lookAhead();
    if (this.#before !== null) this.begin();
  }

  #lookAhead() {
    this.#ahead = this.#cacheSize === Infinity ? { reads: 0, length: 0 } : null;
  }

  #askOrder() {
    this.#reordered ||= this.#complete;
    this.#complete = false;
  }

  /** The object of the record is not known any more; to walks that are not live it still is. */
  #drop(id) {
    if (this.#map.size > 0 || this.#walks.haveMaps) this.#writable().delete(id);
  }

  #setUnread(id) {
    this.#unread += 1;
    this.#writable().set(id, UNREAD);
  }

  #replace(id, object) {
    this.#writable();
    this.#remember(id, object);
  }

  #exists(id) {
    return hasRecord(this.#handle, id);
  }

  #read(id) {
    const visited = this.#walks.visited(id);
    if (visited !== undefined) {
      this.#remember(id, visited);
      return visited;
    }
    const text = getText(this.#handle, id);
    if (text === null) return undefined;
    const value = this.#codec.value(parseRecord(text));
    this.#remember(id, value);
    this.#given?.seen();
    if (this.#ahead !== null) this.#countRead(text.length);
    return value;
  }

  /** One more record was read: where many of few are, reading all costs less than reading the others one by one. */
  #countRead(length) {
    const ahead = this.#ahead;
    ahead.length += length;
    const reads = ++ahead.reads;
    // NOTE: each time that they are twice as many: the count is asked for.
    if (reads < AHEAD.fewest || (reads & (reads - 1)) !== 0) return;
    if (this.#complete || this.#reordered || !this.#isSteady()) return;
    const count = this.#core.count();
    if (count > reads * AHEAD.share) return;
    this.#ahead = null;
    if ((ahead.length / reads) * count > AHEAD.length) return;
    this.#walks.detach();
    const map = this.#parsed(this.#map, AHEAD.length);
    if (map !== null) this.#keepAll(map);
  }

  /** Makes the object of a record for a Map that is walked through; it is the one that `get()` returns. */
  #readFor(map, id) {
    let value = this.known(id);
    if (value === undefined) {
      const text = getText(this.#handle, id);
      if (text === null) return undefined;
      value = this.#codec.value(parseRecord(text));
      if (map === this.#map || this.#cacheSize === Infinity) this.#remember(id, value);
    }
    if (map !== this.#map) map.set(id, value);
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

  /** The Map, with all objects in it, if all may be kept and each is there. */
  #kept() {
    if (this.#cacheSize !== Infinity) return null;
    const map = this.#filled();
    if (this.#unread === 0) return map;
    this.#readMany(map);
    let areThere = true;
    map.forEach((value, id) => {
      if (value === UNREAD) areThere = this.#look(map, id) !== GONE && areThere;
    });
    if (!areThere) return null;
    this.#unread = 0;
    return map;
  }

  /** Makes the objects that a Map of all records lacks, if they are many, at once. */
  #readMany(map) {
    if (this.#unread < MANY || this.#cacheSize !== Infinity) return;
    const ids = [];
    map.forEach((value, id) => {
      if (value === UNREAD) ids.push(id);
    });
    let left = 0;
    readEach(this.#core, this.#codec, ids, {
      found: (id, value) => map.set(id, value),
      gone: () => (left += 1),
    });
    if (map === this.#map) this.#unread = left;
  }

  /** Whether the next walk should keep only what it hands on: always, if not all may be kept, else the first. */
  #shouldPass() {
    if (this.#complete || this.#reordered || !this.#isSteady()) return false;
    if (this.#cacheSize !== Infinity) return true;
    if (this.#walks.isLive) return false;
    if (this.#passed || this.#core.count() <= FEW) return false;
    this.#passed = true;
    return true;
  }

  /** Visits the objects of all records, and keeps them if all may be kept. */
  #walk(visit) {
    const map = this.#filled();
    this.#walks.through(map, () => {
      this.#readMany(map);
      map.forEach((value, id) => {
        const object = value === UNREAD ? this.#look(map, id) : value;
        if (object !== GONE) visit(object, id);
      });
    });
  }

  /** Visits all records, and keeps the objects that were handed on. */
  #pass(visit) {
    this.#walks.detach();
    const pass = new Pass(this.#core, this.#codec);
    const known = this.#map;
    if (this.#walks.isLive) this.#walks.alongLive(pass, (walk) => this.#passLive(walk, pass, visit));
    else this.#walks.along(pass, known, () => this.#passThrough(pass, known, visit));
  }

  #passThrough(pass, known, visit) {
    // What the pass itself has kept it does not come upon again: unless there is more, there is nothing to look up.
    const keepsAll = this.#cacheSize === Infinity;
    let kept = 0;
    for (let piece = pass.next(); piece !== null; piece = pass.next()) {
      const [ids, values] = piece;
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i];
        pass.at = i;
        const isFresh = keepsAll && this.#map.size === kept && !pass.hasChanges;
        const object = isFresh ? undefined : this.#inPass(pass, known, id);
        if (object !== undefined && object !== UNREAD) visit(object, id);
        else if (visit(values[i], id) && !pass.hasChanged(id)) {
          this.#remember(id, values[i]);
          kept += 1;
        }
      }
    }
  }

  /** The object of a record that was known when a pass began, or was made since. */
  #inPass(pass, known, id) {
    if (pass.hasChanged(id)) return known.get(id);
    return this.#map.size === 0 ? undefined : this.#map.get(id);
  }

  /** The same within a batch, whose changes are seen. */
  #passLive(walk, pass, visit) {
    for (const [id, value] of walk) {
      const kept = this.#map.get(id);
      if (kept !== undefined && kept !== UNREAD) visit(kept, id);
      else if (value === UNREAD) visit(this.#readFor(this.#map, id), id);
      else if (visit(value, id) && !pass.hasChanged(id)) this.#remember(id, value);
    }
  }

  /** A Map with every record in it. */
  #filled() {
    this.#given?.seen();
    if (this.#complete) return this.#map;
    this.#walks.detach();
    const known = this.#map;
    const map = this.#reordered ? this.#inOrder(known) : this.#parsed(known);
    if (this.#cacheSize === Infinity) this.#keepAll(map);
    return map;
  }

  /** Keeps a Map of all records in order. */
  #keepAll(map) {
    this.#put(map);
    this.#complete = true;
    this.#reordered = false;
  }

  /** All records, parsed, but for those that are known; `null` if their text is longer than `most`. */
  #parsed(known, most = Infinity) {
    const map = scannedRecords(this.#core, this.#codec, most);
    // Objects that were handed out before must stay the same ones.
    if (map !== null) {
      this.#walks.giveVisited(map);
      known.forEach((value, id) => {
        if (value !== UNREAD && map.has(id)) map.set(id, value);
      });
    }
    return map;
  }

  /** The records that are known, in order, and an entry for each that is not. */
  #inOrder(known) {
    this.#unread = Infinity;
    return scannedIds(this.#core, (ids, target) =>
      ids.forEach((id) => target.set(id, known.has(id) ? known.get(id) : UNREAD)),
    );
  }

  /** The Map for a change: a copy while it is walked through. */
  #writable() {
    if (this.#walks.mustStay(this.#map)) this.#put(new Map(this.#map));
    return this.#map;
  }

  #put(map) {
    this.#map = map;
    this.#oldest = null;
  }
}

module.exports = { Records, forEachPair };
