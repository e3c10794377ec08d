/**
 * The campaigns of docs/reliability-report.md: the npm script, its arguments for the page, and about how many minutes they take on two
 * cores. CONTRIBUTING.md has them as a table.
 *
 * A second run of a script with other arguments has a name of its own, and says which `script` it runs.
 */
export const campaigns = [
  { name: "faults", args: ["--runs", "6000", "--seed", "1", "--details"], minutes: 6 },
  {
    name: "faults:0.8.1",
    script: "faults",
    args: ["--runs", "600", "--seed", "1", "--store", "original"],
    minutes: 1,
  },
  {
    name: "soak:kill",
    args: ["--seed", "1", "--work-ms", "30", "--kills", "3000", "--acknowledged", "1500000"],
    minutes: 4,
  },
  { name: "soak:namespaces", args: ["--minutes", "5", "--seed", "1"], minutes: 6 },
  { name: "soak:agents", args: ["--agents", "8", "--minutes", "10", "--seed", "1"], minutes: 11 },
  {
    name: "soak:agents:0.8.1",
    script: "soak:agents",
    args: ["--agents", "8", "--minutes", "1", "--seed", "1", "--store", "original"],
    minutes: 2,
  },
  { name: "soak:counters", args: ["--steps", "100000", "--agents", "8"], minutes: 1 },
  { name: "race:open", args: ["--rounds", "2000", "--seed", "1"], minutes: 2 },
  {
    name: "soak:feed",
    args: [
      "--runs",
      "20",
      "--kills",
      "100",
      "--life",
      "200",
      "--values",
      "400",
      "--operations",
      "1600",
      "--seed",
      "1",
    ],
    minutes: 25,
  },
  {
    name: "soak:feed:backend",
    script: "soak:feed",
    args: ["--runs", "2", "--kills", "200", "--backend", "--seed", "1"],
    minutes: 5,
  },
  { name: "model", args: ["--sequences", "20000", "--seed", "1"], minutes: 20 },
  {
    name: "model:wide",
    script: "model",
    args: ["--wide", "--sequences", "20000", "--seed", "1"],
    minutes: 20,
  },
  {
    name: "model:hands",
    script: "model",
    args: ["--hands", "--sequences", "2000", "--seed", "1"],
    minutes: 5,
  },
  { name: "model:protocols", args: [], minutes: 5 },
  { name: "lives", args: ["--lives", "1000", "--seed", "1"], minutes: 4 },
  { name: "foreign-lines", args: ["--lives", "5000", "--seed", "1"], minutes: 3 },
  { name: "histories", args: ["--histories", "20000", "--seed", "1"], minutes: 20 },
  {
    name: "histories:backend",
    script: "histories",
    args: ["--histories", "1000", "--seed", "1", "--carrier", "backend"],
    minutes: 7,
  },
  {
    name: "histories:bucket",
    script: "histories",
    args: ["--histories", "3000", "--seed", "1", "--carrier", "bucket"],
    minutes: 7,
  },
  { name: "queries", args: ["--pairs", "1000000", "--seed", "20261129"], minutes: 2 },
  { name: "soak:verify", args: ["--seconds", "25"], minutes: 2 },
  { name: "soak:workers", args: ["--workers", "1000"], minutes: 5 },
  { name: "crash:long", args: ["--states", "2000000"], minutes: 15 },
  { name: "planted-bugs", args: [], minutes: 5 },
  { name: "fuzz", args: ["--seconds", "300"], minutes: 70 },
  { name: "v8", args: ["--cases", "1000000"], minutes: 3 },
  { name: "memcheck", args: [], minutes: 10 },
  { name: "faults:s3", args: ["--seeds", "50"], minutes: 20 },
  { name: "soak:s3", args: ["--minutes", "2"], minutes: 3 },
  {
    name: "soak:s3:opslog-s3",
    script: "soak:s3",
    args: ["--minutes", "2", "--backend", "opslog-s3"],
    minutes: 3,
  },
  {
    name: "soak:s3:long",
    args: [
      "--minutes",
      "96",
      "--server",
      "radosgw",
      "--from",
      "301",
      "--seconds",
      "110",
      "--per-mille",
      "250",
      "--kill-every-ms",
      "350",
      "--burst",
      "1200",
    ],
    minutes: 100,
  },
  { name: "verify:package", args: [], minutes: 30 },
  { name: "test:windows", args: [], minutes: 60 },
];

/** The campaign of that name, with other arguments if there are any. */
export function campaignOf(name, args = []) {
  const found = campaigns.find((campaign) => campaign.name === name);
  if (found === undefined) return undefined;
  return { script: name, ...found, ...(args.length > 0 && { args: [...args] }) };
}

/** What to type for its run. */
export const commandOf = ({ script, args }) =>
  `npm run ${script}${args.length > 0 ? ` -- ${args.join(" ")}` : ""}`;

/** The file in docs/reliability/ that keeps what it printed. */
export const fileOf = ({ name }) => `${name.replaceAll(":", "-")}.txt`;
