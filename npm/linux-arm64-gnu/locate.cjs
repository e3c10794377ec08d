"use strict";

module.exports = typeof __dirname === "string" ? __dirname + "/opslog.linux-arm64-gnu.node" : undefined;
