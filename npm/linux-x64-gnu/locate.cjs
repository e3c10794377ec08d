"use strict";

module.exports = typeof __dirname === "string" ? __dirname + "/opslog.linux-x64-gnu.node" : undefined;
