/** Reads what a child says in a run, and finds what must not be. */
import { Account } from "./account.mjs";
import { errorName, faults, kills } from "./faults.mjs";
import { optionsOf, planCycle, workloads } from "./plans.mjs";

/** Where system calls may fail so that it is not known what is durable. */
const syncing = /^(fsync|fdatasync)$/;

/** The steps that change nothing, and behind which all that was written before is in the files. */
const acknowledging = new Set(["flush", "sync", "compact"]);

/** The steps that change what a store holds. */
const changing = new Set(["set", "delete", "together", "batch", "undo", "archive"]);

export class Judge {
  violations = [];
  /** How often something was refused or reported, by code. */
  told = {};
  #run;
  #accounts = new Map();
  #options;
  #cycle = 0;
  #plan = [];
  #step = null;
  #calls = [];
  #fault = null;
  #refusals = new Set();
  /** Whose records were seen since the cycle began. */
  #settled = new Set();
  #reader = null;

  /** `run` is `{ workload, seed, store, folder }`. */
  constructor(run) {
    this.#run = run;
    const { agents = [""] } = workloads[run.workload];
    this.#options = optionsOf(run.workload, run.seed);
    const isBuffered = this.#options.writeMode !== "immediate";
    for (const who of agents) this.#accounts.set(who, new Account(isBuffered, who !== ""));
  }

  /** A cycle begins, with a fault or `null`. `hit()` tells which call was hit by now, if any was. */
  begin(cycle, fault, hit) {
    this.#cycle = cycle;
    this.#plan = planCycle(this.#run.workload, this.#run.seed, cycle);
    this.#fault = fault === null ? null : { name: fault, ...faults[fault], hit };
    this.#refusals.clear();
    this.#settled.clear();
    this.#step = null;
    this.#reader = null;
  }

  hear([what, ...rest]) {
    const hearing = {
      step: (place) => this.#begun(place),
      done: (kind, who, place, result) => this.#done(kind, who, place, result),
      refused: (kind, who, place, error) => this.#refused(kind, who, place, error),
      state: (who, seen) => this.#seen(who, seen),
      tailed: (operations, seen) => this.#tailed(operations, seen),
      reported: (channel, error) => this.#reported(channel, error),
      uncaught: (error) => this.#wrong("an uncaught error", JSON.stringify(error)),
    };
    hearing[what]?.(...rest);
  }

  /** The child is gone, or does not answer. */
  ended(what) {
    if (this.#fault !== null && kills(this.#fault.name) && this.#fault.hit() !== null && what === "SIGKILL")
      return;
    this.#wrong(what === "hang" ? "a hang" : `the process ended: ${what}`);
  }

  wrong(what, detail) {
    this.#wrong(what, detail);
  }

  #wrong(what, detail = "") {
    this.violations.push({
      what,
      cycle: this.#cycle,
      fault: this.#fault?.name,
      hit: this.#fault?.hit(),
      detail,
    });
  }

  #begun(place) {
    const { kind, who, changes = [], ids, period } = this.#plan[place];
    const account = this.#accounts.get(who);
    this.#step = place;
    this.#calls = [];
    if (kind === "undo") this.#calls.push(account.call([{}]));
    else if (kind === "archive") this.#calls.push(account.call([], { ids, period }));
    else if (kind === "batch") this.#calls.push(account.call(changes));
    else this.#calls.push(...changes.map((change) => account.call([change])));
  }

  #done(kind, who, place, result) {
    if (kind === "open") return;
    const account = this.#accounts.get(who);
    if (kind === "close") {
      account?.flushed();
    } else if (acknowledging.has(kind)) account.flushed();
    else if (changing.has(kind)) {
      account.resolved(this.#calls[place], result !== false);
      if (kind === "batch" || kind === "archive") account.flushed();
    }
  }

  #refused(kind, who, place, error) {
    this.#count(error);
    this.#checkError(kind, who, place, error);
    if (!changing.has(kind)) return;
    const always = this.#options.durability === "always";
    const isUnsynced = always && syncing.test(error.syscall ?? "");
    const unsure = isUnsynced || /may or may not take effect/.test(error.message);
    this.#accounts.get(who).refused(this.#calls[place], unsure);
  }

  #reported(channel, error) {
    this.#count(error, `${channel} `);
    if (this.#fault === null) this.#wrong(`${channel} without a fault`, JSON.stringify(error));
  }

  #count({ code, cause, name }, prefix = "") {
    const key = `${prefix}${[code ?? name, cause].filter(Boolean).join("/")}`;
    this.told[key] = (this.told[key] ?? 0) + 1;
  }

  /** Whether a refusal is one that the fault explains, and says what it must. */
  #checkError(kind, who, place, error) {
    const shown = `${kind} of "${who}": ${JSON.stringify(error)}`;
    const call = this.#calls[place];
    if (kind === "delete" && this.#isMissing(error)) {
      if (this.#accounts.get(who).has(call.operations[0].id)) this.#wrong("a record is missing", shown);
      return;
    }
    const hit = this.#fault?.hit() ?? null;
    if (kind === "open" && who === "reader" && this.#isNoStore(error) && hit !== null) return;
    if (hit === null)
      return this.#wrong(kind === "open" ? "it cannot be opened" : "refused without a fault", shown);
    if (this.#run.store === "original") return;
    const { name, action, lasting, error: errno } = this.#fault;
    if (action !== "fail") return this.#wrong(`refused because of a ${name}`, shown);
    if (error.code === "OPSLOG_FAILED") {
      if (!lasting && !hit.isSync) this.#wrong("OPSLOG_FAILED without need", shown);
      return;
    }
    const isTold = error.errno === -errno && error.cause === errorName(name) && Boolean(error.syscall);
    const isPlaced = (error.path ?? "").startsWith(this.#run.folder);
    if (error.code !== "OPSLOG_IO" || !isTold || !isPlaced)
      return this.#wrong("an error that says too little", shown);
    if (name === "EINTR") this.#wrong("EINTR reaches the caller", shown);
    // Calls of one step may share a write.
    this.#refusals.add(this.#step);
    if (!lasting && this.#refusals.size > 1) this.#wrong("refused again after a fault that passed", shown);
  }

  #isMissing({ code, message }) {
    return code === "OPSLOG_NOT_FOUND" || (this.#run.store === "original" && /not found$/.test(message));
  }

  #isNoStore({ code, message }) {
    return code === "OPSLOG_NO_STORE" || /no existing store/.test(message);
  }

  #seen(who, seen) {
    const isNew = this.#step === null;
    if (who === "reader") this.#reader = { from: this.#writer.length, told: [] };
    for (const [owner, account] of this.#accounts) {
      // An agent need not know by now what another has just done.
      if (isNew || owner === who) this.#compare(owner, account, ownPart(seen, owner), isNew);
    }
  }

  #tailed(operations, seen) {
    const writer = this.#writer;
    this.#compare("", writer, seen, false);
    const reader = this.#reader;
    reader.told.push(...operations);
    const expected = writer
      .changesSince(reader.from)
      .map(({ id, n }) => [n === null ? "delete" : "set", id, n]);
    if (JSON.stringify(expected) === JSON.stringify(reader.told)) return;
    this.#wrong("tail() tells something else than happened", JSON.stringify({ expected, told: reader.told }));
    reader.from = writer.length;
    reader.told = [];
  }

  /** The first look of a cycle tells what a fault has left; where that failed, no later one is compared. */
  #compare(owner, account, seen, isNew) {
    const settles = isNew && !this.#settled.has(owner);
    if (!settles && !this.#settled.has(owner)) return;
    this.#settled.add(owner);
    if (settles ? account.allowsAfterOpen(seen) : account.allowsOpen(seen)) return;
    const when = settles ? "after an open" : "while it is open";
    this.#wrong(
      `${account.whatIsWrong(seen)}, ${when}`,
      `${JSON.stringify(seen)} instead of ${account.describe()}`,
    );
    if (settles) account.takeOver(seen);
  }

  get #writer() {
    return this.#accounts.get("");
  }
}

function ownPart({ records, archives }, owner) {
  return {
    records: records.filter(([id]) => id.startsWith(owner)),
    archives: archives.filter(([, id]) => id.startsWith(owner)),
  };
}
