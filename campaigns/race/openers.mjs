/** The parent's side of the eight processes, which live through all rounds. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./opener.mjs", import.meta.url));
const modules = {
  ours: new URL("../../index.mjs", import.meta.url).href,
  original: (await import("../../__test__/helpers/original.mjs")).originalUrl,
};

export class Opener {
  #child;
  #waiting = new Map();
  #last = 0;

  constructor(overrides = {}) {
    this.#child = fork(program, [JSON.stringify({ ...modules, ...overrides })], { silent: true });
    this.#child.on("message", ({ request, result, error }) => {
      const settle = this.#waiting.get(request);
      this.#waiting.delete(request);
      settle?.({ result, error });
    });
    this.#child.on("exit", () => {
      for (const settle of this.#waiting.values())
        settle({ error: { code: "GONE", message: "the process ended" } });
      this.#waiting.clear();
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Resolves to `{ result }`, `{ error }`, or `{ hangs: true }`. */
  ask(command, settings, timeoutMs = 60_000) {
    const request = ++this.#last;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle({ hangs: true }), timeoutMs);
      const settle = (answer) => {
        clearTimeout(timer);
        this.#waiting.delete(request);
        resolve(answer);
      };
      this.#waiting.set(request, settle);
      this.#child.send({ request, command, settings }, () => {});
    });
  }

  end() {
    this.#child.kill("SIGKILL");
  }
}
