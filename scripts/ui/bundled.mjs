/** What of node_modules is in the page of `opslog ui`: the view library, and the chart library. */
export const BUNDLED = ["preact", "uplot"];
