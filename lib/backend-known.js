"use strict";

// What a store that a backend keeps knows of the manifest.

const { newestName } = require("./backend-manifest");

class KnownManifest {
  /** The agent that the store is, once it is one. It looks at the manifest too, so it knows the last one seen. */
  agent = null;
  #known = { manifest: null, version: null };
  #newest = 0;

  get manifest() {
    return this.agent?.manifest ?? this.#known.manifest;
  }

  /** The manifest with its version, as it was taken last. */
  get last() {
    return this.#known;
  }

  /** The newest millisecond in the name of a file that this store has seen. */
  get newest() {
    return this.#newest;
  }

  /** Takes a manifest with its version as the one in force. */
  take(known) {
    this.agent?.take(known);
    this.#known = known;
    if (known.manifest) this.#newest = Math.max(this.#newest, newestName(known.manifest));
  }
}

module.exports = { KnownManifest };
