/** The ideal store's files: 0.8.1's format, written at once and synchronously. No durability, no speed. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const numberIn = (name) => Number(/-(\d+)\.jsonl$/.exec(name)?.[1] ?? 0);

export class IdealFolder {
  #path;

  constructor(path) {
    this.#path = path;
  }

  create() {
    for (const name of ["snapshots", "ops", "archive"])
      mkdirSync(join(this.#path, name), { recursive: true });
  }

  lock() {
    const path = join(this.#path, ".lock");
    const pid = existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
    if (pid === process.pid)
      throw new Error(
        `Store is locked by process ${pid}. It is this very process: another Store in it has the folder open. ` +
          "Close that one first, or open this one with readOnly.",
      );
    writeFileSync(path, String(process.pid));
  }

  unlock() {
    rmSync(join(this.#path, ".lock"), { force: true });
  }

  readManifest() {
    const path = join(this.#path, "manifest.json");
    return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null;
  }

  writeManifest(manifest) {
    writeFileSync(join(this.#path, "manifest.json"), JSON.stringify(manifest, null, 2));
  }

  /** A time that no name in `directory` carries yet. */
  #freeNumber(directory) {
    return Math.max(
      Date.now(),
      ...readdirSync(join(this.#path, directory)).map((name) => numberIn(name) + 1),
    );
  }

  writeSnapshot(records, version) {
    const name = `snapshots/snap-${this.#freeNumber("snapshots")}.jsonl`;
    const header = { version, timestamp: new Date().toISOString() };
    const lines = [header, ...[...records].map(([id, data]) => ({ id, data }))];
    writeFileSync(join(this.#path, name), lines.map((line) => JSON.stringify(line) + "\n").join(""));
    return name;
  }

  readSnapshot(name) {
    const [header, ...lines] = this.lines(name).map((line) => JSON.parse(line));
    return { version: header.version, records: new Map(lines.map(({ id, data }) => [id, data])) };
  }

  createLog() {
    const name = `ops/ops-${this.#freeNumber("ops")}.jsonl`;
    writeFileSync(join(this.#path, name), "");
    return name;
  }

  append(name, lines) {
    appendFileSync(join(this.#path, name), lines.map((line) => line + "\n").join(""));
  }

  cutLastLine(name) {
    const bytes = readFileSync(join(this.#path, name));
    truncateSync(join(this.#path, name), bytes.lastIndexOf("\n", bytes.length - 2) + 1);
  }

  lines(name) {
    const path = join(this.#path, name);
    return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
  }

  /** The logs from `first` to `last`, in the order in which they were written. */
  logsBetween(first, last) {
    const names = readdirSync(join(this.#path, "ops")).map((name) => `ops/${name}`);
    const between = names.filter(
      (name) => numberIn(name) >= numberIn(first) && numberIn(name) <= numberIn(last),
    );
    return between.sort((a, b) => numberIn(a) - numberIn(b));
  }

  /** Adds to the segment; returns its name and by how many records it grew. */
  writeArchive(period, records) {
    const name = `archive/archive-${period}.json`;
    const before = existsSync(join(this.#path, name)) ? this.readArchive(name) : {};
    const merged = { ...before, ...Object.fromEntries(records) };
    const segment = { version: 1, period, timestamp: new Date().toISOString(), records: merged };
    writeFileSync(join(this.#path, name), JSON.stringify(segment, null, 2));
    return { name, growth: Object.keys(merged).length - Object.keys(before).length };
  }

  readArchive(name) {
    return JSON.parse(readFileSync(join(this.#path, name), "utf8")).records;
  }
}
