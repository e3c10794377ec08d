/** The program of every measuring process; its one argument is the task, as JSON. */
import { fill } from "./fill.mjs";
import { peakMemoryMb } from "./measure.mjs";
import { loadStore } from "./stores/index.mjs";
import { NotAvailable } from "./stores/opslog.mjs";
import { loadWorkload } from "./workloads/index.mjs";

const tasks = {
  async fill({ store, kind, size, folder }) {
    await fill(await loadStore(store), folder, kind, size);
    return {};
  },

  async run({ workload: id, subject, variant, folder }) {
    const workload = await loadWorkload(id);
    const floor = workload.floors?.[subject];
    const context = { id, folder, variant, store: floor ? undefined : await loadStore(subject) };
    try {
      const figures = await (floor ?? workload.run)(context);
      return { figures: { peakMemoryMb: peakMemoryMb(), ...figures } };
    } catch (error) {
      if (error instanceof NotAvailable) return { absent: error.message };
      throw error;
    }
  },

  /** A second process of a workload. */
  async part({ workload: id, part, subject, variant, folder, details }) {
    const workload = await loadWorkload(id);
    const store = await loadStore(subject);
    await workload.parts[part]({ id, folder, variant, store, details });
    return { peakMemoryMb: peakMemoryMb() };
  },
};

const task = JSON.parse(process.argv[2]);
process.send(await tasks[task.task](task));
process.disconnect();
