/** How much room there is for the output. */

/** Whether a person looks at stdout, and not a program. */
export const isTerminal = process.stdout.isTTY === true;

/** How wide a line may be; as long as it likes if no terminal shows it. */
export const width = isTerminal ? Math.max(20, process.stdout.columns || 80) : Infinity;

/** How wide running text is at most: longer lines are hard to read. */
export const textWidth = Math.min(width, 100);

/** So many rows are shown on a terminal if no number is given: more of them flood it. */
export const ROWS = 100;
