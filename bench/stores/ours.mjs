import { entry } from "./published.mjs";
import { adapt } from "./opslog.mjs";

const { Store } = await import(entry);

export default {
  description:
    'Immediate mode, `durability: "process"`. No checkpoints but where the workload says "default options".',
  open: adapt(Store),
};
