/** The records of the benchmark: what a task list holds, padded with words to the size that is asked for. */

const words =
  "amber basin cobalt drift ember fjord grove harbor inlet juniper kelp lagoon meadow nectar onyx prairie quartz " +
  "ridge summit tundra umber valley willow yarrow zephyr";
const vocabulary = words.split(" ");

/** Words that differ from record to record, so that a store which compresses has something to do. */
function text(n, length) {
  let state = (n * 2_654_435_761 + 1) >>> 0;
  let made = "";
  while (made.length < length) {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    made += `${vocabulary[state % vocabulary.length]}-${state % 997} `;
  }
  return made.slice(0, length);
}

/** The n-th record; its JSON has `bytes` bytes. */
export function makeRecord(n, bytes = 180) {
  const record = {
    title: `Task number ${n}`,
    status: n % 3 === 0 ? "open" : "done",
    priority: n % 5,
    tags: ["alpha", `tag-${n % 100}`],
    owner: { name: `user-${n % 1000}`, team: "storage" },
    created: 1_700_000_000_000 + n,
    note: "",
  };
  record.note = text(n, Math.max(0, bytes - JSON.stringify(record).length));
  return record;
}

/**
 * The n-th id. They sort as they were made, which is the order that suits a B-tree best.
 *
 * NOTE: 12 characters. From 13 on V8 puts a concatenated string together only when it is used, and that would be
 * measured.
 */
export function makeId(n) {
  return `task-${String(n).padStart(7, "0")}`;
}

export function makeIds(count, from = 0) {
  return Array.from({ length: count }, (_, n) => makeId(from + n));
}

/** A thousand different records to take in turns: making them is no part of what is measured. */
export function makePool(bytes, count = 1000) {
  return Array.from({ length: count }, (_, n) => makeRecord(n, bytes));
}

/** Numbers below `limit` in an order that looks random and is the same in every run. */
export function makeOrder(limit, count, seed = 1) {
  const order = new Uint32Array(count);
  let state = seed >>> 0;
  for (let n = 0; n < count; n += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    order[n] = Math.floor((state / 2 ** 32) * limit);
  }
  return order;
}

/** Each number below `count` once, in random order. */
export function makePermutation(count, seed = 1) {
  const order = Uint32Array.from({ length: count }, (_, n) => n);
  const others = makeOrder(2 ** 32, count, seed);
  for (let n = count - 1; n > 0; n -= 1) {
    const other = others[n] % (n + 1);
    [order[n], order[other]] = [order[other], order[n]];
  }
  return order;
}
