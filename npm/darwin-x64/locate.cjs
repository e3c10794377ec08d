"use strict";

module.exports = typeof __dirname === "string" ? __dirname + "/opslog.darwin-x64.node" : undefined;
