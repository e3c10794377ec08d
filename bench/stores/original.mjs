import { Store } from "opslog-reference";
import { adapt, NotAvailable } from "./opslog.mjs";

const open = adapt(Store);

export default {
  description:
    "The published package, with the same options. It never syncs. It opens files that ours wrote.",
  open(folder, options = {}) {
    // It takes any option that it does not know, and does nothing about it.
    if ((options.sync ?? "none") !== "none") throw new NotAvailable("it never syncs");
    return open(folder, options);
  },
};
