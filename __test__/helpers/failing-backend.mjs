/** An FsBackend whose next call of a chosen method fails, for what a healthy disk never shows. */
import { FsBackend } from "../../index.mjs";

export class FailingBackend extends FsBackend {
  #failures = new Map();

  /** The next `times` calls of `method` fail. */
  failNext(method, times = 1) {
    this.#failures.set(method, times);
  }

  recover() {
    this.#failures.clear();
  }

  #meet(method) {
    const left = this.#failures.get(method) ?? 0;
    if (left === 0) return;
    this.#failures.set(method, left - 1);
    throw Object.assign(new Error(`${method}: no space left on device`), { code: "ENOSPC" });
  }

  async appendOps(path, operations) {
    this.#meet("appendOps");
    return super.appendOps(path, operations);
  }

  async readOps(path) {
    this.#meet("readOps");
    return super.readOps(path);
  }

  async truncateLastOp(path) {
    this.#meet("truncateLastOp");
    return super.truncateLastOp(path);
  }

  async writeSnapshot(records, version) {
    this.#meet("writeSnapshot");
    return super.writeSnapshot(records, version);
  }

  async writeManifest(manifest) {
    this.#meet("writeManifest");
    return super.writeManifest(manifest);
  }

  async shutdown() {
    this.#meet("shutdown");
    return super.shutdown();
  }
}
