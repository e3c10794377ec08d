import * as opslog from "@backloghq/opslog";
import { check } from "./check.mjs";

check(opslog).then(
  (said) => console.log(said),
  (error) => {
    console.log(`${error.code ?? ""} ${error.message}`);
    process.exitCode = 1;
  },
);
