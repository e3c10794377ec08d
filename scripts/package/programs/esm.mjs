import * as opslog from "@backloghq/opslog";
import check from "./check.cjs";

console.log(await check(opslog));
