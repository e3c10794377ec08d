/** The account of a soak, and whether it may pass. */

const percent = (part, whole) => (whole === 0 ? "0" : ((100 * part) / whole).toFixed(2));

/** What a soak needs to have seen, for its silence to mean anything. */
export function unmetPreconditions({ sharedKeys, overlap, compactions }, leastCompactions = 20) {
  const unmet = [];
  if (sharedKeys < 0.1) unmet.push("fewer than 10% of the keys are shared");
  if (compactions < leastCompactions) unmet.push(`only ${compactions} compactions`);
  if (overlap.seconds === 0) unmet.push("too short to see an overlap");
  if (overlap.seconds < overlap.waited)
    unmet.push(
      `${overlap.waited} seconds in which fewer than two agents had started, and only ${overlap.seconds} others`,
    );
  if (overlap.shared < overlap.seconds) {
    unmet.push(`${overlap.seconds - overlap.shared} seconds in which fewer than two agents got on`);
  }
  return unmet;
}

export function hasFailed(summary) {
  const { lost, resurrected, violations, unexpectedErrors } = summary;
  return lost + resurrected + unexpectedErrors > 0 || Object.keys(violations).length > 0;
}

export function line({ acknowledged, lost, resurrected, compactions, kills, unexpectedErrors, violations }) {
  const kinds = Object.entries(violations).map(([kind, { count }]) => `, ${kind}: ${count}`);
  return (
    `acknowledged ${acknowledged}, lost ${lost}, resurrected ${resurrected}, ` +
    `compactions ${compactions}, kills ${kills}, unexpected errors ${unexpectedErrors}${kinds.join("")}`
  );
}

export function report(summary) {
  const { acknowledged, lost, resurrected, overlap, calls, errors, violations } = summary;
  const rows = [
    ["store", `${summary.store}, ${summary.agents} agents, seed ${summary.seed}`],
    ["acknowledged", `${acknowledged} writes, of these ${summary.undone} undone again`],
    ["lost", `${lost} (${percent(lost, acknowledged)}%)`],
    ["resurrected", `${resurrected} deletions, archives and undos that did not last`],
    ["archived", `${summary.archived} records`],
    ["compactions", summary.compactions],
    ["kills", summary.kills],
    ["told", `${summary.tellable} operations that followers had to be told of`],
    ["interludes", `${summary.interludes} times the folder was put back, and a single writer had it`],
    ["refused", `${summary.refused} calls of programs of an older version`],
    ["shared keys", `${percent(summary.sharedKeys, 1)}%`],
    ["overlap", `${overlap.shared} of ${overlap.seconds} seconds with two agents or more at work;`],
    ["", `${overlap.waited} in which fewer had started; a start took ${overlap.patience} s or less;`],
    ["", `${percent(overlap.operations, acknowledged)}% of the writes began during another agent's`],
    [
      "calls",
      Object.entries(calls)
        .map(([name, count]) => `${name} ${count}`)
        .join(", "),
    ],
  ];
  for (const [name, { count, message }] of Object.entries(errors))
    rows.push(["error", `${count} x ${name}: ${message}`]);
  for (const [kind, { count, first }] of Object.entries(violations)) {
    rows.push(["WRONG", `${kind}: ${count}`], ...first.map((detail) => ["", `  ${detail}`]));
  }
  return rows.map(([name, text]) => `${name.padEnd(13)} ${text}`).join("\n");
}
