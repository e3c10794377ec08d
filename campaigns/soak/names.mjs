/** The agents' names, and the ids of their records. */

// Names that locales order differently (B, ä, ı, I), whose UTF-16 order is not that of their code points (the
// last two), and that every object has anyway.
const odd = ["a", "B", "ä", "z", "ı", "I", "constructor", "__proto__", "\u{1f600}", "～"];

export function agentNames(count, plain) {
  const names = Array.from({ length: count }, (_, n) => `agent-${n}`);
  return plain ? names : names.map((name, n) => odd[n] ?? name);
}

export const privatePrefix = (index) => `p:${index}:`;
export const privateId = (index, n) => `${privatePrefix(index)}${n}`;
export const sharedId = (n) => `s:${n}`;
/** Records of the single writer that has the folder between two turns of the agents. */
export const singlePrefix = "w:";
export const singleId = (n) => `${singlePrefix}${n}`;
export const isShared = (id) => id.startsWith("s:");

/** Agents and their clocks in the order in which operations take effect; agents by UTF-16 code units. */
export function compareOperations(one, other) {
  if (one.clock !== other.clock) return one.clock - other.clock;
  return one.agent < other.agent ? -1 : Number(one.agent > other.agent);
}
