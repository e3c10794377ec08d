/** Where `makePackage()` puts what is published of this package. The processes that are measured load nothing else to know. */
export const folder = new URL("../../.cache/bench/package/", import.meta.url);

/** What they import. */
export const entry = new URL("index.mjs", folder).href;
