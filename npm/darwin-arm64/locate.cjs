"use strict";

module.exports = typeof __dirname === "string" ? __dirname + "/opslog.darwin-arm64.node" : undefined;
