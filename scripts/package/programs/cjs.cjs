const check = require("./check.cjs");

check(require("@backloghq/opslog")).then(console.log);
