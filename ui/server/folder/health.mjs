/** The check of every file: one at a time, with its progress told to all pages. */
import path from "node:path";
import { Store } from "../../../index.mjs";
import { explained } from "../requests/errors.mjs";
import { filesOf } from "./space.mjs";

export class Health {
  #folder;
  #tell;
  #state = { state: "new", step: 0 };

  /** `tell` is called with the state whenever it is another one. */
  constructor(folder, tell) {
    this.#folder = folder;
    this.#tell = tell;
  }

  get state() {
    return this.#state;
  }

  /** The files that a check would read. */
  async files() {
    return { files: await filesOf(this.#folder) };
  }

  /** Begins a check, unless one runs. */
  begin() {
    if (this.#state.state === "running") return this.#state;
    const startedAt = Date.now();
    this.#become({ state: "running", startedAt });
    this.#check(startedAt).then(
      (report) => this.#become({ state: "done", startedAt, endedAt: Date.now(), ...report }),
      (error) => this.#become({ state: "failed", startedAt, endedAt: Date.now(), error: explained(error) }),
    );
    return this.#state;
  }

  #become(state) {
    this.#state = { ...state, step: this.#state.step + 1 };
    this.#tell(this.#state);
  }

  async #check(startedAt) {
    const onProgress = (progress) => this.#become({ state: "running", startedAt, progress });
    const report = await Store.verify(this.#folder, { onProgress });
    const files = await filesOf(this.#folder);
    const inside = (name) => path.relative(this.#folder, name).replaceAll("\\", "/");
    const damage = report.damage.map((place) => ({ ...place, path: inside(place.path) }));
    return { report: { ...report, damage, foreign: report.foreign.map(inside) }, files };
  }
}
