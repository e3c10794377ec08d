/** What writers were told, read from their ledgers, and whether a store agrees. */

/** What the kinds of calls leave behind: a record that is there, one that is not. */
const LEAVES = { S: true, D: false, U: false };

/**
 * Reads the ledger of one life. Returns for each record whether it must be there (`true`, `false`), or may (`null`), and the counts.
 */
export function readLedger(text) {
  const records = new Map();
  const acknowledgedSets = new Set();
  const counts = {
    acknowledged: 0,
    refused: 0,
    unknown: 0,
    unanswered: 0,
    undone: 0,
    compactions: 0,
    opens: 0,
    replaced: 0,
  };
  const refusals = {};
  const result = { records, acknowledgedSets, counts, refusals, hash: null, isClosed: false };
  const open = new Map();
  for (const line of text.split("\n")) {
    const [word, kind, from, to, code] = line.split(" ");
    if (word === "C") counts.compactions++;
    else if (word === "O") counts.opens++;
    else if (word === "L") counts.replaced++;
    else if (word === "E") result.isClosed = true;
    else if (word === "X") refusals[`open ${kind}`] = (refusals[`open ${kind}`] ?? 0) + 1;
    else if (word === "H" && kind !== "-") result.hash = kind;
    else if (to !== undefined && "?anur".includes(word)) note(word, kind, Number(from), Number(to), code);
  }
  counts.unanswered = open.size;
  return result;

  function note(word, kind, from, to, code) {
    for (let n = from; n <= to; n++) {
      if (word === "?") {
        // Until it is told what became of it, it may be there or not.
        open.set(n, records.get(n) ?? false);
        records.set(n, null);
        continue;
      }
      const before = open.get(n);
      open.delete(n);
      if (word === "a") {
        records.set(n, LEAVES[kind]);
        counts.acknowledged++;
        if (kind === "U") counts.undone++;
        if (kind === "S") acknowledgedSets.add(n);
      } else if (word === "u") counts.unknown++;
      else {
        records.set(n, before);
        if (word === "r") counts.refused++;
      }
    }
    if (word === "r" || word === "u") {
      const name = `${word === "u" ? "unknown" : "refused"} ${code || "?"}`;
      refusals[name] = (refusals[name] ?? 0) + to - from + 1;
    }
  }
}

/** What is wrong with the records of a store, given the ledgers of all lives. */
export function compare(ledgers, entries, who) {
  const wrong = [];
  for (const [life, { records }] of ledgers) {
    for (const [n, isThere] of records) {
      if (isThere === null || entries.has(`${life}-${n}`) === isThere) continue;
      wrong.push(
        `${who}: ${life}-${n} ${isThere ? "was acknowledged and is lost" : "must not show and does"}`,
      );
    }
  }
  return wrong;
}
