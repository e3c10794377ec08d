/** Counts of operations by time, kind and agent, in a bounded number of buckets: when there are too many, each two become one. */

const MOST_BUCKETS = 20_000;

export class Buckets {
  #counts = new Map();
  /** Milliseconds that a bucket stands for. */
  width;
  total = 0;
  first = Infinity;
  last = -Infinity;
  agents = new Set();

  constructor(width = 1000) {
    this.width = width;
  }

  /** Counts an operation; `by` is -1 for one that is taken back. */
  count(time, kind, agent, by = 1) {
    // A line that another program wrote may have any text for a time.
    if (Number.isNaN(time)) return;
    const at = Math.floor(time / this.width) * this.width;
    let bucket = this.#counts.get(at);
    if (bucket === undefined) this.#counts.set(at, (bucket = new Map()));
    const key = `${kind} ${agent}`;
    bucket.set(key, (bucket.get(key) ?? 0) + by);
    this.total += by;
    this.first = Math.min(this.first, time);
    this.last = Math.max(this.last, time);
    this.agents.add(agent);
    if (this.#counts.size > MOST_BUCKETS) this.#widen();
  }

  #widen() {
    this.width *= 2;
    const wider = new Map();
    for (const [time, bucket] of this.#counts)
      merge(wider, Math.floor(time / this.width) * this.width, bucket);
    this.#counts = wider;
  }

  /** About so many buckets between two times: `{ width, buckets: [{ time, counts: [[kind, agent, number]] }] }`. */
  between(since, until, wanted) {
    const least = Math.max(1, (until - since) / wanted);
    const width = this.width * 2 ** Math.max(0, Math.ceil(Math.log2(least / this.width)));
    const merged = new Map();
    for (const [time, bucket] of this.#counts) {
      if (time + this.width > since && time <= until) merge(merged, Math.floor(time / width) * width, bucket);
    }
    const buckets = [...merged]
      .sort(([one], [other]) => one - other)
      .map(([time, bucket]) => ({
        time,
        counts: [...bucket].map(([key, number]) => [...split(key), number]),
      }));
    return { width, buckets };
  }
}

function merge(into, time, bucket) {
  const there = into.get(time);
  if (there === undefined) into.set(time, new Map(bucket));
  else for (const [key, number] of bucket) there.set(key, (there.get(key) ?? 0) + number);
}

function split(key) {
  const at = key.indexOf(" ");
  return [key.slice(0, at), key.slice(at + 1)];
}
