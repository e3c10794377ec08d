/** Compares what the agents were promised with what is there. */
import { isShared, singlePrefix } from "./names.mjs";
import { ACKNOWLEDGED, REJECTED, UNDONE } from "./ledger.mjs";
import { lastWriters } from "./logs.mjs";

const parts = (token) => token.split(".").map(Number);

/** A private record must be what its agent was last promised. */
export function checkPrivate(agents, state, tally) {
  for (const agent of agents) {
    for (const id of agent.ledger.privateIds()) {
      const token = state.get(id) ?? null;
      const history = agent.ledger.history(id);
      if (!agent.ledger.observe(id, token)) tally.note("private", `at rest ${id} is ${token} (${history})`);
    }
  }
}

/** Two views of the records must be the same. */
export function checkSame(state, other, who, tally) {
  const ids = new Set([...state.keys(), ...other.keys()]);
  const different = [...ids].filter((id) => state.get(id) !== other.get(id));
  if (different.length === 0) return true;
  const [id] = different;
  tally.note(
    "different views",
    `${who}: ${different.length} records, such as ${id}: ${other.get(id)}, not ${state.get(id)}`,
  );
  return false;
}

/** The logs must hold what was acknowledged, in order, and nothing that was undone or refused. */
export function checkLogs(agents, { operations, reused }, tally) {
  if (reused > 0) tally.note("clock", `${reused} operations share clock and agent with others`, reused);
  for (const agent of agents) {
    const { ledger, name } = agent;
    const own = operations.filter((operation) => operation.agent === name);
    const present = new Set();
    const deletions = new Map();
    let highest = -1;
    for (const { id, token } of own) {
      if (token === null) {
        deletions.set(id, (deletions.get(id) ?? 0) + 1);
        continue;
      }
      const [, n] = parts(token);
      present.add(n);
      if (n < highest)
        tally.note("clock", `${name}: by its clock ${token} comes after number ${highest}, called later`);
      highest = Math.max(highest, n);
    }
    checkSets(ledger, name, present, tally);
    checkDeletions(ledger, name, deletions, tally);
  }
}

function checkSets(ledger, name, present, tally) {
  ledger.kinds.forEach((kind, n) => {
    if (kind !== "s") return;
    const status = ledger.statuses[n];
    if (status === ACKNOWLEDGED && !present.has(n)) {
      ledger.lose(n);
      tally.note("not in any log", `${name}: set() number ${n} of ${ledger.ids[n]}`);
    }
    if ((status === UNDONE || status === REJECTED) && present.has(n)) {
      const what = status === UNDONE ? "undone" : "refused";
      tally.note(`in a log though ${what}`, `${name}: set() number ${n} of ${ledger.ids[n]}`);
    }
  });
  for (const { first, count } of ledger.cutBatches) {
    const sets = Array.from({ length: count }, (_, n) => first + n).filter((n) => ledger.kinds[n] === "s");
    const found = sets.filter((n) => present.has(n)).length;
    if (found > 0 && found < sets.length) {
      tally.note("half a batch", `${name}: ${found} of ${sets.length} from number ${first}`);
    }
  }
}

function checkDeletions(ledger, name, found, tally) {
  const expected = ledger.deletions();
  for (const id of new Set([...expected.keys(), ...found.keys()])) {
    const { certain, possible } = expected.get(id) ?? { certain: 0, possible: 0 };
    const count = found.get(id) ?? 0;
    if (count < certain || count > certain + possible) {
      tally.note("deletions", `${name}: ${count} of ${id} in the logs, ${certain} (+${possible}) expected`);
    }
  }
}

/** Each record must be what the last operation on it made of it, or be in an archive as that. */
export function checkLastWriters(agents, { operations }, state, archives, tally) {
  const last = lastWriters(operations);
  const archivedTokens = new Map();
  for (const records of archives.values()) {
    for (const [id, token] of records) archivedTokens.set(id, [...(archivedTokens.get(id) ?? []), token]);
  }
  const left = acknowledgedArchives(agents);
  for (const id of new Set([...last.keys(), ...state.keys()])) {
    if (id.startsWith(singlePrefix)) continue;
    const token = last.get(id)?.token ?? null;
    const shown = state.get(id) ?? null;
    const isArchived = token !== null && (archivedTokens.get(id) ?? []).includes(token);
    if (shown === token && !left.has(`${id} ${token}`)) continue;
    if (shown === null && isArchived) continue;
    const isLoss = token !== null && shown !== token;
    tally.note(
      isLoss ? "last writer" : "resurrected",
      `${id} is ${shown}, its last operation made it ${token}`,
    );
    if (isShared(id)) loseShared(agents, operations, id, shown, tally);
  }
}

/** Acknowledged archives: their records are in their segments, and in none but as they were. */
export function checkArchives(agents, { operations }, archives, tally) {
  const last = lastWriters(operations);
  for (const { ledger, name, archives: calls } of agents) {
    for (const { count, period } of calls) {
      const size = archives.get(period)?.size ?? 0;
      if (period === "common" ? size === 0 && count > 0 : size !== count) {
        tally.note(
          "archive",
          `${name}: segment ${period} has ${size} records, archive() said ${count}`,
          Math.abs(count - size),
        );
      }
    }
    for (const [n, { token, period }] of ledger.archived) {
      const id = ledger.ids[n];
      if (ledger.statuses[n] !== ACKNOWLEDGED || archives.get(period)?.has(id)) continue;
      // Another agent may have changed it before the archive took hold, and then it stays; or have archived it.
      const isElsewhere = [...archives.values()].some((records) => records.get(id) === token);
      if (last.get(id)?.token === token && !isElsewhere)
        tally.note("archive", `${name}: ${id} (${token}) is not in ${period}`);
    }
  }
}

function acknowledgedArchives(agents) {
  const found = new Set();
  for (const { ledger } of agents) {
    for (const [n, { token }] of ledger.archived) {
      if (ledger.statuses[n] === ACKNOWLEDGED) found.add(`${ledger.ids[n]} ${token}`);
    }
  }
  return found;
}

/** Every acknowledged set() of a shared record after the one that is shown is lost. */
function loseShared(agents, operations, id, shown, tally) {
  const history = operations.filter((operation) => operation.id === id);
  const position = history.findLastIndex(({ token }) => token === shown);
  for (const { token } of history.slice(position + 1)) {
    if (token === null) {
      tally.note("deletions", `a deletion of ${id} has no effect`);
      continue;
    }
    const [index, n] = parts(token);
    agents[index]?.ledger.lose(n);
  }
}
