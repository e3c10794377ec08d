/** One random life of a store beside a Map: changes of every kind, in flight and in transactions, and looks between them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Store } from "../../index.mjs";
import { random } from "../soak-feed/random.mjs";
import { Documents } from "./documents.mjs";
import { indexes, kinds } from "./kinds.mjs";
import { longLooks, looks } from "./looks.mjs";

const thrown = Object.assign(new Error("thrown by the life itself"), { code: "THROWN" });
const codeOf = (work) =>
  Promise.resolve(work).then(
    () => undefined,
    (error) => error.code ?? error,
  );
const shown = (value) => JSON.stringify(value)?.slice(0, 600);

export class Life {
  #roll;
  #kind;
  #options;
  #isUnique;
  #documents;
  #folder;
  #stores = [];
  #model = new Map();
  /** The state when the operations began that undo() takes back, and these. */
  #before = new Map();
  #operations = [];
  /** The number of the agent that writes, and of the batch that is being made. */
  #writer = 0;
  #batch = 0;
  #isInBatch = false;
  /** How looks end that are under way. */
  #begun = [];
  counts = { changes: 0, looks: 0, refused: 0, undone: 0 };

  constructor(seed, kind) {
    this.#roll = random(seed);
    this.#kind = kind;
    this.#options = kinds[kind]();
    this.#isUnique = this.#options.agents === undefined && this.#roll(3) === 0;
    this.#documents = new Documents(this.#roll, this.#isUnique, this.#options.records);
  }

  /** Carries it out; throws where the store differs from the Map. */
  async run(steps) {
    const own = await mkdtemp(join(tmpdir(), "opslog-life-"));
    this.#folder = this.#options.folder ?? own;
    try {
      for (let n = 0; n < (this.#options.agents ?? 1); n++) this.#stores.push(await this.#open(n));
      if (this.#options.records !== undefined) await this.#fill(this.#options.records);
      for (let step = 0; step < steps; step++) await this.#step();
      await this.#endLooks();
      if (this.#folder === own) await this.#reopen(0);
      for (const look of Object.values(looks)) this.#look(this.#stores[0], look);
      for (const look of Object.values(longLooks)) this.#begin(this.#stores[0], look);
      await this.#endLooks();
    } finally {
      for (const store of this.#stores) await store.close().catch(() => {});
      await rm(own, { recursive: true, force: true });
    }
    return this.counts;
  }

  async #open(n) {
    const { agents, backend, folder: _, records: __, keepsBatches: ___, ...options } = this.#options;
    const declared = Object.entries(indexes).filter(() => this.#roll(2) === 0);
    if (this.#isUnique) declared.push(["unique", { unique: true }]);
    const store = new Store();
    await store.open(this.#folder, {
      checkpointThreshold: 1e9,
      checkpointOnClose: false,
      ...options,
      ...(agents !== undefined && { agentId: `agent-${n}` }),
      ...(backend !== undefined && { backend: backend() }),
      indexes: Object.fromEntries(declared),
    });
    return store;
  }

  /** Begins with a checkpoint of many records. */
  async #fill(records) {
    await this.#stores[0].batch(() => {
      for (let n = 0; n < records; n++) {
        const change = { id: `k${n}`, value: { n: n % 10, text: "", number: n } };
        call(this.#stores[0], change);
        put(this.#model, change);
      }
    });
    await this.#checkpoint(this.#stores[0]);
  }

  /** Behind a backend agents have no transactions. */
  get #hasTransactions() {
    return this.#options.backend === undefined || this.#options.agents === undefined;
  }

  async #step() {
    const number = this.#roll(this.#stores.length);
    this.#writer = number;
    const store = this.#stores[number];
    if (this.#stores.length > 1) await store.refresh();
    const choice = this.#roll(100);
    if (choice < 35) await this.#inFlight(store);
    else if (choice < 48) await this.#together(store, "batch");
    else if (choice < 60) await this.#together(store, this.#hasTransactions ? "transaction" : "batch");
    else if (choice < 66 && this.#hasTransactions) await this.#update(store);
    else if (choice < 74) await this.#undo(store);
    else if (choice < 80) await this.#checkpoint(store);
    else if (choice < 84) await this.#archive(store);
    else if (choice < 89) await this.#reopen(number);
    else this.#begin(store, this.#documents.pick(Object.values(longLooks)));
    if (this.#roll(3) === 0) await this.#endLooks();
    await this.#lookAround();
  }

  /** Another agent than the one that wrote may look: in a transaction without being told to look before. */
  async #lookAround() {
    const store = this.#documents.pick(this.#stores);
    const id = this.#documents.id();
    if (this.#hasTransactions) {
      const seen = await store.transaction((tx) => [tx.has(id), tx.get(id)]);
      this.#compare("tx.get()", seen, [this.#model.has(id), this.#model.get(id)]);
    }
    if (this.#stores.length > 1) await store.refresh();
    this.#look(store, this.#documents.pick(Object.values(looks)));
  }

  #look(store, look) {
    const { ids } = this.#documents;
    const some = ids.slice(-40).filter(() => this.#roll(2) === 0);
    const [seen, expected] = look(store, this.#model, {
      id: this.#documents.id(),
      ids: some,
      n: this.#roll(10),
    });
    this.#compare(look.name, seen, expected);
  }

  #begin(store, look) {
    const given = { query: this.#documents.query(), n: this.#roll(10), id: this.#documents.id() };
    const end = look(store, this.#model, given);
    this.#begun.push(async () => this.#compare(look.name, ...(await end())));
  }

  async #endLooks() {
    for (const end of this.#begun.splice(0)) await end();
  }

  #compare(what, seen, expected) {
    this.counts.looks++;
    if (isDeepStrictEqual(seen, expected)) return;
    throw new Error(`${what} in ${this.#kind}:\n  ${shown(seen)}\nwhere there is\n  ${shown(expected)}`);
  }

  #change() {
    const id = this.#documents.id();
    return this.#roll(4) === 0 ? { id } : { id, value: this.#documents.value() };
  }

  /** The code with which a change must be refused. */
  #refusal({ id, value }) {
    if (value === undefined) return this.#model.has(id) ? undefined : "OPSLOG_NOT_FOUND";
    const claim = this.#isUnique ? value.unique : undefined;
    const hasIt = ([other, { unique }]) => other !== id && unique === claim;
    return claim !== undefined && [...this.#model].some(hasIt) ? "OPSLOG_NOT_UNIQUE" : undefined;
  }

  #made(change) {
    this.counts.changes++;
    const batch = this.#isInBatch ? this.#batch : undefined;
    this.#operations.push({ ...change, batch, writer: this.#writer });
    put(this.#model, change);
  }

  async #inFlight(store) {
    const calls = [];
    for (let left = 1 + this.#roll(this.#roll(2) === 0 ? 3 : 30); left > 0; left--) {
      const change = this.#change();
      const refusal = this.#refusal(change);
      calls.push([codeOf(call(store, change)), refusal]);
      if (refusal === undefined) this.#made(change);
      else this.counts.refused++;
      if (this.#roll(6) === 0) this.#look(store, this.#documents.pick(Object.values(looks)));
      if (this.#roll(30) === 0) this.#begin(store, this.#documents.pick(Object.values(longLooks)));
    }
    for (const [code, refusal] of calls) this.#compare("a change in flight", await code, refusal);
  }

  /** A batch, in which every look is allowed, or a transaction; some throw, and leave nothing. */
  async #together(store, method) {
    this.#batch++;
    this.#isInBatch = true;
    try {
      await this.#changeTogether(store, method);
    } finally {
      this.#isInBatch = false;
    }
  }

  async #changeTogether(store, method) {
    const [model, count, isThrown] = [new Map(this.#model), this.#operations.length, this.#roll(4) === 0];
    const work = (handle) => {
      for (let left = this.#roll(10); left > 0; left--) {
        const change = this.#change();
        const refusal = this.#refusal(change);
        this.#compare(
          `a change in ${method}()`,
          codeIn(() => call(handle, change)),
          refusal,
        );
        if (refusal === undefined) this.#made(change);
        if (method === "batch" && this.#roll(4) === 0)
          this.#look(store, this.#documents.pick(Object.values(looks)));
        const id = this.#documents.id();
        if (method === "transaction") this.#compare("tx.get()", handle.get(id), this.#model.get(id));
      }
      if (isThrown) throw thrown;
    };
    const code = await codeOf(store[method](work));
    if (code instanceof Error) throw code;
    this.#compare(`${method}()`, code, isThrown ? "THROWN" : undefined);
    if (!isThrown) return;
    this.#model = model;
    this.#operations.length = count;
  }

  async #update(store) {
    const { id, value } = { id: this.#documents.id(), value: { n: this.#roll(10), text: "updated" } };
    const current = this.#model.get(id);
    const isExpected = this.#roll(2) === 0;
    const done = await store.compareAndSet(id, isExpected ? current : { text: "another" }, value);
    this.#compare("compareAndSet()", done, isExpected);
    if (done) this.#made({ id, value });
    const seen = [];
    await store.update(id, (record) => void seen.push(record));
    this.#compare("update()", seen, [this.#model.get(id)]);
  }

  async #undo(store) {
    // NOTE: an agent takes back what it wrote itself.
    const last = this.#operations.at(-1);
    if ((last?.writer ?? this.#writer) !== this.#writer) return;
    const batch = this.#roll(3) === 0;
    this.#compare("undo()", await store.undo({ batch }), last !== undefined);
    if (last === undefined) return;
    const isUndone = (operation) => operation === last || (batch && isOfBatch(operation, last));
    while (this.#operations.length > 0 && isUndone(this.#operations.at(-1))) {
      this.#operations.pop();
      this.counts.undone++;
    }
    this.#model = new Map(this.#before);
    for (const change of this.#operations) put(this.#model, change);
  }

  async #checkpoint(store) {
    const done = store.compact();
    if (this.#stores.length === 1) this.#look(store, this.#documents.pick(Object.values(looks)));
    await done;
    this.#beginHistory();
  }

  async #archive(store) {
    const n = this.#roll(10);
    const ids = [...this.#model].filter(([, value]) => value.n === n).map(([id]) => id);
    this.#compare("archive()", await store.archive((value) => value.n === n, "2026-Q1"), ids.length);
    for (const id of ids) this.#model.delete(id);
    if (ids.length > 0) this.#beginHistory();
  }

  async #reopen(number) {
    if (this.#folder === ":memory:") return;
    await this.#endLooks();
    await this.#stores[number].close();
    this.#stores[number] = await this.#open(number);
    if (this.#stores[number].stats().opsCount === 0) this.#beginHistory();
    // What was left of batches in the log of a folder when it was closed are single operations.
    if (this.#options.keepsBatches) return;
    for (const operation of this.#operations) if (operation.writer === number) operation.batch = undefined;
  }

  #beginHistory() {
    this.#before = new Map(this.#model);
    this.#operations = [];
  }
}

const isOfBatch = ({ batch }, other) => batch !== undefined && batch === other.batch;

function put(model, { id, value }) {
  if (value === undefined) model.delete(id);
  else model.set(id, value);
}

const call = (target, { id, value }) => (value === undefined ? target.delete(id) : target.set(id, value));

function codeIn(work) {
  try {
    work();
    return undefined;
  } catch (error) {
    return error.code ?? error;
  }
}
