/** Random ids and values of a life, and queries over them. */

const odd = ["__proto__", "é", "日本", "\u{1F600}", "\uD83D", 'a"b', "a\\b", "\0", "1", "L".repeat(3000)];
const strings = ["", "a", "é", "\u{1F600}", "\uD83D", 'q"\\', "x".repeat(300)];
const others = [5, true, "text", [1, { n: 2 }]];

export class Documents {
  #roll;
  #isUnique;
  #number = 100;
  ids;

  constructor(roll, isUnique, records = 0) {
    this.#roll = roll;
    this.#isUnique = isUnique;
    const plain = Array.from({ length: 3 + roll(30) }, (_, n) => `k${records + n}`);
    const known = Array.from({ length: records }, (_, n) => `k${n}`);
    this.ids = [...known, ...plain, ...odd.filter(() => roll(3) === 0)];
  }

  pick(list) {
    return list[this.#roll(list.length)];
  }

  /** An id; of many often one of the first or the last. */
  id() {
    const { ids } = this;
    const first = ids.length > 100 && this.#roll(2) === 0 ? ids.length - 40 : 0;
    return ids.length > 100 && this.#roll(3) === 0
      ? ids[this.#roll(20)]
      : ids[first + this.#roll(ids.length - first)];
  }

  value() {
    const roll = this.#roll;
    if (roll(25) === 0) return this.pick(others);
    const value = { n: roll(10), text: this.pick(strings) };
    if (roll(3) === 0) value.list = Array.from({ length: roll(4) }, () => roll(5));
    if (roll(3) === 0) value.in = { x: roll(5) };
    if (this.#isUnique && roll(2) === 0) value.unique = roll(5) === 0 ? roll(6) : this.#number++;
    if (roll(15) === 0) value.long = this.pick(["z", "日", '"']).repeat(this.pick([500, 20_000, 70_000]));
    return value;
  }

  query() {
    const roll = this.#roll;
    return this.pick([
      { n: roll(10) },
      { n: { $gt: roll(10) } },
      { "in.x": roll(5) },
      { list: roll(5), n: { $lt: 6 } },
      { n: roll(10), "in.x": { $gte: roll(4) } },
      { $or: [{ n: roll(9) }, { list: roll(4) }] },
      { text: this.pick(strings) },
      { long: { $exists: true } },
      {},
    ]);
  }
}
