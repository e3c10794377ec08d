/** What the program ends with; documented in the help text. */
export const OK = 0;
/** Something is damaged, missing or failed. */
export const FAILED = 1;
/** The command line itself is wrong. */
export const USAGE = 2;
