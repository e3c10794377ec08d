"use strict";

// Node's own modules, for the whole package. In a bundle that is an ES module there is no `require` for them, so Node is
// asked directly where it can be (from 20.16 on); what bundlers see are requires of fixed names.

const { getBuiltinModule } = globalThis.process;
const known = (name) => getBuiltinModule?.(name);

module.exports = {
  get asyncHooks() {
    return known("node:async_hooks") ?? require("node:async_hooks");
  },
  get buffer() {
    return known("node:buffer") ?? require("node:buffer");
  },
  get crypto() {
    return known("node:crypto") ?? require("node:crypto");
  },
  get diagnosticsChannel() {
    return known("node:diagnostics_channel") ?? require("node:diagnostics_channel");
  },
  get fs() {
    return known("node:fs") ?? require("node:fs");
  },
  get fsPromises() {
    return known("node:fs/promises") ?? require("node:fs/promises");
  },
  get module() {
    return known("node:module") ?? require("node:module");
  },
  get os() {
    return known("node:os") ?? require("node:os");
  },
  get path() {
    return known("node:path") ?? require("node:path");
  },
  get process() {
    return known("node:process") ?? require("node:process");
  },
  get timers() {
    return known("node:timers") ?? require("node:timers");
  },
  get url() {
    return known("node:url") ?? require("node:url");
  },
  get util() {
    return known("node:util") ?? require("node:util");
  },
  get vm() {
    return known("node:vm") ?? require("node:vm");
  },
};
