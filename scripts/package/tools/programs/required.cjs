const opslog = require("@backloghq/opslog");

import("./check.mjs").then(({ check }) => check(opslog)).then((said) => console.log(said));
