/** The parent's side of one agent: starts it, kills it, and enters what it says into its ledger. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Hearing } from "./hearing.mjs";
import { isShared } from "./names.mjs";
import { ACKNOWLEDGED, Ledger, REJECTED } from "./ledger.mjs";
import { microseconds } from "./telling.mjs";

const program = fileURLToPath(new URL("./agent.mjs", import.meta.url));

export class AgentProcess {
  ledger;
  /** Archives that resolved: how many records went into which segment. */
  archives = [];
  state = null;
  hearing = new Hearing();
  /** What it did last: what it is waiting for if it says no more. */
  lastWord = null;
  lastWordAt = 0;
  #settings;
  #tally;
  #child = null;
  /** When its process was started, in microseconds, until it says its first word. */
  #startedAt = null;
  #rest = "";
  #undoing = false;
  #archiving = new Set();
  #awaited = null;

  constructor(settings, tally) {
    this.#settings = settings;
    this.#tally = tally;
    this.ledger = new Ledger(settings.index);
  }

  get name() {
    return this.#settings.agent;
  }

  get isRunning() {
    return this.#child !== null;
  }

  start() {
    const settings = JSON.stringify({ ...this.#settings, next: this.ledger.next });
    const child = spawn(process.execPath, [program, settings], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    this.#child = child;
    this.#startedAt = microseconds();
    this.lastWordAt = performance.now();
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (text) => this.#read(text));
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text) => this.#tally.printed(this.name, text));
    child.on("error", () => {});
    child.on("close", (code, signal) => {
      this.#child = null;
      this.#rest = "";
      this.#tally.left(this.#settings.index, microseconds());
      this.ledger.died(this.#undoing);
      this.hearing.end();
      this.#undoing = false;
      this.#archiving.clear();
      if (code !== 0 && signal !== "SIGKILL")
        this.#tally.note("ended", `${this.name} ended (${code ?? signal})`);
    });
  }

  /** Ends the process at once and waits until all that it said is read. */
  async kill() {
    if (this.#child === null) return;
    this.#tally.left(this.#settings.index, microseconds());
    const gone = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await gone;
  }

  /** Gives a command and waits until the agent has said `answer`, or is gone. */
  async ask(command, answer) {
    if (this.#child === null) {
      if (command === "stop") return;
      this.start();
    }
    const answered = new Promise((resolve) => (this.#awaited = { answer, resolve }));
    this.#child.once("close", () => this.#awaited?.resolve());
    this.#send(command);
    await answered;
    this.#awaited = null;
  }

  /** Lets it close its store, and waits until its process has ended. */
  async stop() {
    await this.ask("stop", "closed");
    while (this.#child !== null) await once(this.#child, "close");
  }

  resume() {
    if (this.#child === null) this.start();
    else this.#send("resume");
  }

  #send(command) {
    this.#child.send(command, () => {});
  }

  #read(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    this.lastWordAt = performance.now();
    if (this.#startedAt !== null) this.#tally.arrived(this.#settings.index, this.#startedAt, microseconds());
    this.#startedAt = null;
    for (const line of lines) {
      this.lastWord = line;
      const [what, ...rest] = JSON.parse(line);
      this.#entries[what].apply(this, rest);
      if (what === this.#awaited?.answer) this.#awaited.resolve();
    }
  }

  #observe(id, token, when) {
    if (token === false || isShared(id)) return;
    const history = this.ledger.history(id);
    if (this.ledger.observe(id, token)) return;
    this.#tally.note("private", `${this.name} sees ${id} as ${token} ${when} (${history})`);
  }

  #entries = {
    intent: (first, changes) => {
      if (changes.length > 1) this.ledger.intendBatch(first, changes.length);
      changes.forEach(([kind, id, token], n) => {
        this.#observe(id, token, `before number ${first + n}`);
        this.ledger.intend(first + n, kind, id);
      });
    },
    ack: (first, count, started, ended) => {
      this.ledger.settle(first, count, ACKNOWLEDGED);
      this.ledger.timed(first, count, started, ended);
      this.#tally.acknowledged(this.#settings.index, count, started, ended);
    },
    reject: (first, code, message, count) => {
      this.ledger.settle(first, count, REJECTED);
      this.#tally.failed(code === "OPSLOG_NOT_FOUND" ? "delete" : "write", code, message);
    },
    archives: (n, id, token, period) => {
      this.#archiving.add(n);
      this.ledger.archives(n, id, token, period);
    },
    call: (name) => {
      if (name === "undo") this.#undoing = true;
      // What comes before a refresh is told by none.
      if (["refresh", "close", "open"].includes(name)) this.hearing.end();
      this.#tally.called(name);
    },
    done: (name, started, ended, ...result) => {
      if (name === "open" || name === "refresh") this.hearing.begin(ended);
      if (name === "tail") {
        this.hearing.looked(started);
        this.hearing.heard(result[0]);
      }
      if (name === "undo") {
        this.#undoing = false;
        if (result[0]) this.ledger.undo();
        this.#tally.undone(result[0]);
      }
      if (name === "archive") {
        const [count, period] = result;
        this.#archived(ACKNOWLEDGED);
        this.archives.push({ count, period });
      }
    },
    fail: (name, code, message) => {
      if (name === "undo") this.#undoing = false;
      if (name === "archive") this.#archived(REJECTED);
      this.#tally.failed(name, code, message);
    },
    opened: (tokens) => this.#opened(tokens),
    repeated: (identity) => this.#tally.note("tail", `${this.name}: tail() returned ${identity} twice`),
    migrated: (what) => this.#tally.note("migration", `${this.name} migrates ${what}`),
    older: (what) => this.#tally.note("migration", `${this.name}: ${what}`),
    quiet: () => {},
    state: (tokens) => {
      this.state = tokens === null ? null : new Map(Object.entries(tokens));
    },
    closed: () => {},
  };

  #archived(status) {
    for (const n of this.#archiving) this.ledger.statuses[n] = status;
    this.#archiving.clear();
  }

  #opened(tokens) {
    for (const id of this.ledger.privateIds())
      this.#observe(id, tokens[id] ?? null, `after open() at number ${this.ledger.next}`);
  }
}
