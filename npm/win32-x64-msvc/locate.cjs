"use strict";

module.exports = typeof __dirname === "string" ? __dirname + "/opslog.win32-x64-msvc.node" : undefined;
