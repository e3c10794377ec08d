/** Time that passes only when something happens, and a bucket that answers after a while, and only so many requests a second. */

/** What Amazon says of a prefix, requests a second; a LIST is taken for a read. */
const RATES = { PUT: 3500, GET: 5500, HEAD: 5500, LIST: 5500 };
/** How long an answer takes: half of them no longer than this, and one in a hundred five times as long. */
const MEDIAN_MS = 20;
const SPREAD = Math.log(5) / 2.33;
/** So many requests beyond the rate are taken at once, as a part of a second. */
const BURST = 0.05;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;

class Rate {
  #perMs;
  #most;
  #left;
  #at = 0;

  constructor(perSecond) {
    this.#perMs = perSecond / 1000;
    this.#most = perSecond * BURST;
    this.#left = this.#most;
  }

  take(now) {
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** Events, the earliest first. */
class Queue {
  #heap = [];

  get isEmpty() {
    return this.#heap.length === 0;
  }

  push(event) {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (heap[above].at <= event.at) break;
      heap[at] = heap[above];
      at = above;
    }
    heap[at] = event;
  }

  pop() {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1].at < heap[below].at) below++;
      if (heap[below].at >= last.at) break;
      heap[at] = heap[below];
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

/**
 * Runs generators beside each other. One yields `{ request: "PUT" }` and goes on once that was answered, `{ pause }` for so many
 * milliseconds, or `{ all }` for generators that are to end first.
 */
export class World {
  now = 0;
  requests = { PUT: 0, GET: 0, HEAD: 0, LIST: 0 };
  /** How many requests were answered with 503, and were sent again. */
  refused = 0;
  random;
  #queue = new Queue();
  #writes = new Rate(RATES.PUT);
  #reads = new Rate(RATES.GET);

  constructor(random) {
    this.random = random;
  }

  start(generator, ended = () => {}) {
    this.#go({ generator, ended });
  }

  /** Goes on until so much time is over. */
  run(ms) {
    while (!this.#queue.isEmpty) {
      const event = this.#queue.pop();
      if (event.at > ms) break;
      this.now = event.at;
      event.work();
    }
  }

  #later(ms, work) {
    this.#queue.push({ at: this.now + ms, work });
  }

  #go(task) {
    const { done, value } = task.generator.next();
    if (done) task.ended();
    else if (value.all !== undefined) this.#all(value.all, task);
    else if (value.request === undefined) this.#later(value.pause, () => this.#go(task));
    else this.#ask(value.request, task, FIRST_PAUSE_MS);
  }

  #all(generators, task) {
    let left = generators.length;
    const ended = () => {
      if (--left === 0) this.#later(0, () => this.#go(task));
    };
    for (const generator of generators) this.#go({ generator, ended });
  }

  #ask(kind, task, pauseMs) {
    this.requests[kind]++;
    const rate = kind === "PUT" ? this.#writes : this.#reads;
    if (rate.take(this.now)) {
      this.#later(MEDIAN_MS * Math.exp(SPREAD * this.#normal()), () => this.#go(task));
      return;
    }
    this.refused++;
    const next = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    this.#later(MEDIAN_MS + this.random() * pauseMs, () => this.#ask(kind, task, next));
  }

  #normal() {
    const [one, other] = [1 - this.random(), this.random()];
    return Math.sqrt(-2 * Math.log(one)) * Math.cos(2 * Math.PI * other);
  }
}
