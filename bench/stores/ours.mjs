import { Store } from "../../index.mjs";
import { adapt } from "./opslog.mjs";

export default {
  description:
    'Immediate mode, `durability: "process"`. No checkpoints but where the workload says "default options".',
  open: adapt(Store),
};
