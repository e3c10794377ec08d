"use strict";

// Declared indexes: what `open()` was given, and the work in the background that makes those that are missing.

const { wrongType } = require("../errors/errors");
const { call, settle } = require("../errors/native");
const { checkNames } = require("../arguments/option-names");
const { describe } = require("../arguments/paths");
const { NativeMeter, watched } = require("../arguments/progress");
const native = require("../native");

/** The declared indexes as text for the native side, which checks the fields; `undefined` if there are none. */
function readIndexes(options, { skipLoad }) {
  const { indexes } = options;
  if (indexes === undefined || indexes === null) return undefined;
  if (typeof indexes !== "object" || Array.isArray(indexes)) {
    throw wrongType(`option indexes must be an object of fields, got ${describe(indexes)}`);
  }
  const declared = [];
  for (const [name, given] of Object.entries(indexes)) {
    const shown = `option indexes: ${JSON.stringify(name)}`;
    if (given === undefined || given === null) continue;
    if (typeof given !== "object" || Array.isArray(given)) {
      throw wrongType(
        `${shown} must be an object of options, such as { unique: true }, got ${describe(given)}`,
      );
    }
    checkNames(given, ["unique"], shown);
    const unique = given.unique ?? false;
    if (typeof unique !== "boolean") {
      throw wrongType(`${shown}: unique must be a boolean, got ${describe(unique)}`);
    }
    if (unique && skipLoad) {
      throw wrongType(`${shown} cannot be unique under skipLoad: no other record is known`);
    }
    declared.push(`${JSON.stringify(name)}:${unique ? '{"unique":true}' : "{}"}`);
  }
  return declared.length === 0 ? undefined : `{${declared.join(",")}}`;
}

/** The indexes of an open store. */
class Indexes {
  #core;
  #options;
  #folder;
  #isDeclared = false;
  #building = null;
  #isStopped = false;
  #failure = null;

  constructor(core, options, folder) {
    this.#core = core;
    this.#options = options;
    this.#folder = folder;
  }

  /** Throws if the indexes that `open()` was given cannot be declared. */
  static check({ indexes }) {
    if (indexes !== undefined) call(() => native.load().checkIndexes(indexes));
  }

  /** Declares the indexes. Unique ones are made before the store can be written to. */
  async begin() {
    const { indexes } = this.#options;
    if (indexes === undefined) return;
    call(() => this.#core.declareIndexes(indexes));
    this.#isDeclared = true;
    this.ensure();
    if (indexes.includes('{"unique":true}')) await this.ready();
  }

  /** Makes what is missing, in the background. */
  ensure() {
    if (!this.#isDeclared || this.#isStopped || this.#building !== null || this.#failure !== null) return;
    if (!call(() => this.#core.wantsIndexes())) return;
    this.#building = this.#build().then(
      () => (this.#building = null),
      (error) => {
        // NOTE: what cannot be read is told by the one who waits; a search tries the records one by one.
        this.#building = null;
        this.#failure = error;
      },
    );
  }

  #build() {
    const meter = new NativeMeter(new (native.load().NativeProgress)());
    const work = () => settle(this.#core.buildIndexes(meter.progress));
    return watched(this.#options.onProgress, meter, this.#folder, work);
  }

  /** Every index is made. */
  async ready() {
    for (;;) {
      this.ensure();
      if (this.#building === null) break;
      await this.#building;
    }
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }

  /** Gives up what is being made. */
  async stop() {
    this.#isStopped = true;
    if (this.#building === null) return;
    this.#core.stopIndexes();
    await this.#building;
  }
}

module.exports = { Indexes, readIndexes };
