/** The readable account: one row per step, and the list of comparisons that failed. */
const columns = [
  { title: "step", width: 16 },
  { title: "what was done", width: 58 },
  { title: "ours ms", width: 9, right: true },
  { title: "0.8.1 ms", width: 9, right: true },
  { title: "ratio", width: 7, right: true },
];

const line = (cells) =>
  cells
    .map((cell, n) => (columns[n].right ? cell.padStart(columns[n].width) : cell.padEnd(columns[n].width)))
    .join("  ")
    .trimEnd();

const milliseconds = (value) => (value === undefined ? "-" : value.toFixed(value < 10 ? 2 : 0));

export class Account {
  failures = [];

  start(title) {
    console.log(`${title}\n`);
    console.log(line(columns.map((column) => column.title)));
    console.log(line(columns.map((column) => "-".repeat(column.width))));
  }

  row(step, what, ours, original) {
    const ratio = ours === undefined || original === undefined ? "-" : `${(original / ours).toFixed(1)}x`;
    console.log(line([step, what, milliseconds(ours), milliseconds(original), ratio]));
  }

  /** Notes a comparison; a failed one makes the demo fail at its end. */
  expect(condition, failure) {
    if (condition) return;
    this.failures.push(failure);
    console.log(`  FAILED: ${failure}`);
  }

  finish() {
    console.log(
      "\nms: wall-clock time in this process; ratio: 0.8.1's time over ours. Opening and reading: the median of 9 times, in turns.",
    );
    if (this.failures.length === 0) console.log("Every comparison held.");
    else console.log(`${this.failures.length} comparisons failed:\n- ${this.failures.join("\n- ")}`);
    return this.failures.length === 0 ? 0 : 1;
  }
}
